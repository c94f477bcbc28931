"""PostgreSQL's protocol and value formats as pure data: no sockets, threads or event loops.

framing.py   ``FrameDecoder``: bytes to frames, in the style of h11
frontend.py  frames to what the client says: ``decode_startup``, ``decode_authentication``, ``decode_message``
backend.py   what we say to bytes: ``encode_…``, ``error_fields``
scram.py     SCRAM-SHA-256, the server's side
types/       values: one file per type family, whole columns of Arrow data out, single parameters in
copy/        COPY's text, csv and binary formats

The state of the conversation is ``session``'s, the bytes' way is ``server``'s.
"""
