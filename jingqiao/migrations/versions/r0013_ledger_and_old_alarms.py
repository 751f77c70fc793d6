"""The whole address of a try beside its account in the ledger, and old alarms found by their age."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013_ledger_and_old_alarms"
down_revision: str | None = "0012_muted_alarms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it. A try of before counts in no ledger any more: none does after a day."""
    op.add_column("attempt", sa.Column("address", sa.String(length=32), nullable=True))
    op.create_index(op.f("ix_alarm_change_recorded_at"), "alarm_change", ["recorded_at"], unique=False)
