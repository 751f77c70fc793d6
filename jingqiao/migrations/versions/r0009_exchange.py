"""What goes out to other systems."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_exchange"
down_revision: str | None = "0008_duty_office"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "outlet_start",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transition_id", _ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outlet_start")),
    )
    op.create_table(
        "outlet_event",
        sa.Column("id", _ID, nullable=False),
        sa.Column("transition_id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_outlet_event_incident_id_incident")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outlet_event")),
        sa.UniqueConstraint("transition_id", name=op.f("uq_outlet_event_transition_id")),
    )
    op.create_index(op.f("ix_outlet_event_incident_id"), "outlet_event", ["incident_id"], unique=False)
    op.create_table(
        "cap_message",
        sa.Column("id", _ID, nullable=False),
        sa.Column("identifier", sa.String(128), nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_cap_message_incident_id_incident")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cap_message")),
        sa.UniqueConstraint("identifier", name=op.f("uq_cap_message_identifier")),
    )
    op.create_index(op.f("ix_cap_message_incident_id"), "cap_message", ["incident_id"], unique=False)
    op.create_table(
        "webhook_delivery",
        sa.Column("id", _ID, nullable=False),
        sa.Column("hook", sa.String(64), nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("last_try_at", sa.BigInteger(), nullable=True),
        sa.Column("last_answer", sa.String(256), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["outlet_event.id"], name=op.f("fk_webhook_delivery_event_id_outlet_event")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("hook", "event_id", name=op.f("uq_webhook_delivery_hook_event_id")),
    )
    op.create_index(
        op.f("ix_webhook_delivery_hook_state_id"), "webhook_delivery", ["hook", "state", "id"], unique=False
    )
