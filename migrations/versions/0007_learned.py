"""What is learned of scores, how new a task may be, and who is told of a revocation."""

from __future__ import annotations

from importlib import resources

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    script = resources.files("migrations").joinpath("versions", "0007_learned.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(script.replace("%", "%%"))  # the driver takes % for a placeholder
