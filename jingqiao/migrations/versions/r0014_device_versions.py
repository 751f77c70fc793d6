"""What devices say of themselves: firmware, hardware, serial number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014_device_versions"
down_revision: str | None = "0013_ledger_and_old_alarms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "device_versions",
        sa.Column("sensor_row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("firmware", sa.String(64), nullable=False),
        sa.Column("hardware", sa.String(64), nullable=False),
        sa.Column("serial_number", sa.String(64), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sensor_row", name=op.f("pk_device_versions")),
    )
    op.create_index(op.f("ix_device_versions_firmware"), "device_versions", ["firmware"], unique=False)
