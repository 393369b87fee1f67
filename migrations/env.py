"""Alembic's entry: runs the migrations on the connection that store/database.py hands over."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=False,
    version_table="autonomy_version",
)
with context.begin_transaction():
    context.run_migrations()
