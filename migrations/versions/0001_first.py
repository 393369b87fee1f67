"""Threads, events, reviews, operations, artifacts, documents, model calls, outcomes; LangGraph's checkpoint tables."""

from __future__ import annotations

from importlib import resources

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    script = resources.files("migrations").joinpath("versions", "0001_first.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(script)
