"""Modes of bridges, an hour a row: raw acceleration is forgotten before frequencies tell anything."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016_modal_windows"
down_revision: str | None = "0015_street_and_grid"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "modal_window",
        sa.Column("asset_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.String(16), nullable=False, server_default=""),
        sa.Column("temperature_c", sa.Double()),
        sa.Column("rate_hz", sa.Double()),
        sa.Column("sensor_ids", sa.JSON(), nullable=False),
        sa.Column("left_out", sa.JSON(), nullable=False),
        sa.Column("modes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("asset_id", "hour", name=op.f("pk_modal_window")),
    )
