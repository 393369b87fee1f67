"""Alembic migrations, plain SQL inside; applied at start by store/database.py."""
