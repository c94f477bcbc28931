"""COPY's data formats: pure codecs between rows and bytes.

options.py        ``CopyOptions``: FORMAT, DELIMITER, NULL, HEADER, QUOTE, …, checked as PostgreSQL does
encode.py         ``CopyEncoder``: Arrow batches to CopyData messages, one per row, by column
lines.py          text and csv columns to lines
simple_lines.py   lines that need no care, read by Arrow
decoders.py       ``decoder_of``: the decoder of a COPY's format
decode.py         bytes cut anywhere to rows: what the decoders of lines share
decode_text.py    text format
decode_csv.py     csv format
decode_binary.py  binary format
binary_rows.py    its rows found all at once

Not here: the COPY statement (``sql``), running it (``session``).
Source: https://www.postgresql.org/docs/16/sql-copy.html
"""
