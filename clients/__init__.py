"""Real clients against the server on DuckDB, and against a PostgreSQL beside it as the reference.

``targets`` starts the two; ``install`` gets what a client needs, or says why it can't; ``suites`` lists the clients;
``run`` runs them and prints the table. A client is a program in its own language that writes TAP
(https://testanything.org/tap-version-13-specification.html): one line per check, whose expectation is PostgreSQL's
answer.
"""
