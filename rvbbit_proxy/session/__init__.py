"""The SQL state of one connection: messages in, answers out through a ``Client``. It knows no socket.

- ``session``     ``Session.handle`` one message; ``open_session``
- ``simple``, ``extended``   the two query protocols
- ``syntax``      the grammar of several statements, before any of them runs
- ``running``     who runs a statement: the session, the semantic engine, or the upstream as it came
- ``output``      results and errors to messages; ``Attempt``, the one place where any exception ends
- ``row_stream``  the batches of a large result, encoded beside the reading
- ``state``       what a session keeps, what all share (``Services``), who is connected (``Identity``)
- ``statements``, ``portals``, ``cursors``, ``prepared_statements``   what has a name in a session
- ``cursor_statements``   DECLARE, FETCH, MOVE, CLOSE; cursors as portals
- ``transaction`` the block, implicit and explicit
- ``invocation``  a statement's caller, its context, its row in the query log
- ``parameters``, ``parameter_table``, ``parameter_kinds``   values, the table of all, their domains
- ``parameter_commands``, ``parameter_statements``, ``forwarding``   SET and SHOW read, run, told to the upstream
- ``copy``        COPY with the client
- ``code_blocks``, ``code_syntax``   DO where the upstream has none: run, read
- ``function_call``   the message that calls a function by its oid
- ``session_calls``   calls of our functions taken out of a SELECT
- ``advisory_locks``  locks between sessions
- ``session_functions``, ``own_relations``   calls and relations that only the session can answer
- ``notifications``   LISTEN and NOTIFY between sessions
- ``client``, ``semantics``   the doors to the client and to what understands meaning
- ``results``     results the session makes itself
"""
