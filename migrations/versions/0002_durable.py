"""Workers, batches, postponed and stopped threads, the ledger's history; the tables of procrastinate."""

from __future__ import annotations

from importlib import resources

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    # Procrastinate's own tables, as its pinned release makes them; a later release comes with a migration of ours.
    for package, parts in (("procrastinate", ("sql", "schema.sql")), ("migrations", ("versions", "0002_durable.sql"))):
        script = resources.files(package).joinpath(*parts).read_text(encoding="utf-8")
        connection.exec_driver_sql(script.replace("%", "%%"))  # the driver takes % for a placeholder
