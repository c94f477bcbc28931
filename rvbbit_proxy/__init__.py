"""rvbbit-proxy: a PostgreSQL-wire proxy whose SQL understands meaning. The map is in ARCHITECTURE.md."""
