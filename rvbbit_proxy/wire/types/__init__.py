"""Values on the wire, text and binary.

rows.py      ``encode_data_rows``, ``encode_raw_rows``: whole batches as DataRow messages
registry.py  ``wire_type``, ``encode_column``, ``decode_value``: which codec speaks for which oid
oids.py      the built-in types: oid, name, length, array type
style.py     ``TextStyle``: the session parameters that change how values print
codec.py     ``Codec``: what a type family fills in
columns.py   Arrow columns as numpy sees them, and back
read_columns.py  ``read_column``: whole columns of wire forms to Arrow, where that is easy
values.py    what the decoders of single values share

Families: integer, floating, numeric, boolean, text, bytea, datetime (calendar, zones, datetime_input), interval,
uuid, json, bit, oid, array (array_input).
"""
