"""The sample table of the demo and of tests; nothing here knows the server.

sightings.csv    witness reports of large hairy animals, all invented: the table ``sightings``
truth.csv        what kind of report each row is; for measuring, never loaded
sample           the table in a DuckDB connection
make_sightings   writes both files, always the same
phrases          what it writes them from
"""
