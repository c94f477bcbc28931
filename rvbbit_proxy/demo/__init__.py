"""The demo: a sample table and a short show of what the server does with it.

sightings.csv    witness reports of large hairy animals, all invented: the table ``sightings``
truth.csv        what kind of report each row is; for measuring, never loaded
make_sightings   writes both, always the same
phrases          what it writes them from
sample           the table in a DuckDB connection
show             ``rvbbit demo``: queries, plans, rows and the bill over a real PostgreSQL connection
"""
