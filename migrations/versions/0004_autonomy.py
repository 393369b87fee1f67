"""Outcomes, certificates, audits, levels, memory: what an agent has earned."""

from __future__ import annotations

from importlib import resources

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    script = resources.files("migrations").joinpath("versions", "0004_autonomy.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(script.replace("%", "%%"))  # the driver takes % for a placeholder
