"""Postgres: the embedded server, the pool, the transition saver, the ledger, artifacts. SQL is in queries.sql."""
