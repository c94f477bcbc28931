"""PostgreSQL's system catalogs and dialect over DuckDB.

emulation.py     ``CatalogEmulation``, ``SessionCatalog``: which statements are rewritten, when the catalogs are read anew
names.py         public, pg_temp and the database's own name, replaced token by token
rewrite.py       ``rewrite_statement``: tree to tree; ``RULES``, the rules in order
item_names.py    names of unnamed columns
syntax.py        EXTRACT, json operators, SIMILAR TO and other syntax in DuckDB's words
casts.py         regclass and its kin, oid, name, array literals
expressions.py   operators, collations, subscripts, calls, system columns
relations.py     system relations and functions in FROM
declared.py      the types columns were declared with, where DuckDB forgets a part
constraints.py   constraints in CREATE and ALTER TABLE, read off their tokens
foreign_keys.py  foreign keys, kept behind the comments of their tables
definitions.py   serial, identity, LIKE, TRUNCATE of several tables
output_types.py  the types of a catalog query's columns, read off its tree
origins.py       whose column each result column is, read off the statement
calls.py         calls of our own functions
snapshots.py     the snapshot all sessions read, or one of a session's own
install.py       makes the catalog ``rvbbit_pg`` from the SQL files and ``facts/``
type_names.py    PostgreSQL's names of types, DuckDB's types by name
read_facts.py    reads ``facts/`` off a real PostgreSQL, by hand

objects.sql, snapshot.sql      what DuckDB knows, under PostgreSQL's names and oids, snapshot by snapshot
session.sql      what each session is told of the process
relations.sql, information_schema.sql, macros.sql   the relations and functions clients see
functions.sql    functions found by the search path, without rewriting: catalog `rvbbit_fn`

Laws: a statement that needs nothing reaches DuckDB as it came; one that cannot be read, too. A catalog answers what
is there, or nothing where PostgreSQL would have nothing.
"""
