"""Limits, judgements, areas and drills of incidents; overrides of the roster; what was muted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_duty_office"
down_revision: str | None = "0007_accounts"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them. Limits of what is already open count from its opening."""
    for column in (
        sa.Column("answered_by", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("dispatched_at", sa.BigInteger(), nullable=True),
        sa.Column("on_site_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("limits_from", sa.BigInteger(), nullable=True),
        sa.Column("next_urge_at", sa.BigInteger(), nullable=True),
        sa.Column("urged", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("judged_severity", sa.SmallInteger(), nullable=True),
        sa.Column("judged_over", sa.SmallInteger(), nullable=True),
        sa.Column("parent_id", _ID, nullable=True),
        sa.Column("kept_apart", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("exercise", sa.Boolean(), nullable=False, server_default=sa.false()),
    ):
        op.add_column("incident", column)
    op.execute("UPDATE incident SET limits_from = opened_at, resolved_at = finished_at")
    op.execute(
        "UPDATE incident SET next_urge_at = opened_at"
        " WHERE state IN ('open', 'acknowledged', 'dispatched', 'on_site')"
    )
    op.create_index(op.f("ix_incident_next_urge_at"), "incident", ["next_urge_at"], unique=False)
    op.create_index(op.f("ix_incident_parent_id"), "incident", ["parent_id"], unique=False)
    op.add_column("incident_transition", sa.Column("reference", sa.Text(), nullable=True))
    op.add_column("message", sa.Column("exercise", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "roster_override",
        sa.Column("id", _ID, nullable=False),
        sa.Column("team", sa.String(128), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("instead_of", sa.String(128), nullable=True),
        sa.Column("extra", sa.Boolean(), nullable=False),
        sa.Column("deputy", sa.String(128), nullable=True),
        sa.Column("leader", sa.String(128), nullable=True),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_by", sa.String(128), nullable=True),
        sa.Column("withdrawn_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_override")),
    )
    op.create_index(op.f("ix_roster_override_until_at"), "roster_override", ["until_at"], unique=False)
    op.create_table(
        "muting",
        sa.Column("id", _ID, nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incident.id"], name=op.f("fk_muting_incident_id_incident")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_muting")),
        sa.UniqueConstraint("cause", "incident_id", name=op.f("uq_muting_cause_incident_id")),
    )
    op.create_table(
        "drill",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(128), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_drill_incident_id_incident")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill")),
    )
    op.create_index(op.f("ix_drill_ended_at"), "drill", ["ended_at"], unique=False)
