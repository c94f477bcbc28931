"""The commands. Thin: they read flags, call ``app``, and print.

main         the ``rvbbit`` program: its commands and what becomes of an error
options      flags that several commands share, and the settings made of them
serving      ``serve``: the server until it is told to stop; ``server.json``, by which others find it
footprint    what keeps the server's memory small and its collector quick
client       statements over a real PostgreSQL connection, to a server of this process or a running one
print_rows   results as a table, CSV or JSON
demo         ``demo``: semantic queries on a sample table, their plans, rows and the caller's bill
bill         what a caller cost, read from three places that must agree
migrations   ``migrate``: a home's ledger to the newest schema
check        cascades, operators and settings loaded; their own test cases run
costs        the roll-up, from the home or, while a server has it, from the server
"""
