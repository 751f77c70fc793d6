"""Messages that are held back, and silences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.add_column("message", sa.Column("held", sa.String(32), nullable=True))
    op.add_column("message", sa.Column("area", sa.String(128), nullable=True))
    op.add_column("message", sa.Column("let_go_at", sa.BigInteger(), nullable=True))
    op.add_column("message", sa.Column("told_by", _ID, nullable=True))
    op.execute("UPDATE message SET let_go_at = created_at")
    op.create_index(op.f("ix_message_person_let_go_at"), "message", ["person", "let_go_at"], unique=False)
    op.create_index(op.f("ix_message_told_by"), "message", ["told_by"], unique=False)
    op.create_table(
        "silence",
        sa.Column("id", _ID, nullable=False),
        sa.Column("asset_id", sa.String(64), nullable=False),
        sa.Column("district", sa.String(64), nullable=False),
        sa.Column("hazard", sa.String(32), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silence")),
    )
