"""Messages that go by one channel beside another, and answers by SMS."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_replies"
down_revision: str | None = "0005_design_values"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.add_column("message", sa.Column("via", sa.String(128), nullable=True))
    op.create_table(
        "sms_reply",
        sa.Column("id", _ID, nullable=False),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("provider_key", sa.String(128), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("incident_ids", sa.JSON(), nullable=False),
        sa.Column("handled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_reply")),
        sa.UniqueConstraint("provider_key", name=op.f("uq_sms_reply_provider_key")),
    )
    op.create_index(op.f("ix_sms_reply_outcome"), "sms_reply", ["outcome"], unique=False)
