"""Tables of incidents, of the alarm changes behind them, and of how far the log was taken into them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from jingqiao.database import metadata

LIVE_STATES_SQL = "state IN ('open', 'acknowledged', 'dispatched', 'on_site')"
"""What the partial unique index counts as live; `incident.LIVE` says the same to Python."""

engine_checkpoint = sa.Table(
    "engine_checkpoint",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("committed_at", sa.BigInteger, nullable=False),
)
"""How far the log was taken into incidents; one row an engine."""

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only INTEGER keys


def _said() -> tuple[sa.Column[Any], ...]:
    """Columns of one change of an alarm."""
    return (
        sa.Column("hazard", sa.String(32), nullable=False),
        sa.Column("severity", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("event_at", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("limit", sa.Double),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("reason_key", sa.String(128), nullable=False),
        sa.Column("reason_values", sa.JSON, nullable=False),
        sa.Column("provisional", sa.Boolean, nullable=False),
        sa.Column("historical", sa.Boolean, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
    )


alarm_change = sa.Table(
    "alarm_change",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("asset_id", sa.String(64), nullable=False),
    sa.Column("sensor_ids", sa.JSON, nullable=False),
    *_said(),
    sa.Index(None, "subject", "hazard", "event_at"),
    sa.Index(None, "recorded_at"),
)
"""What the engine said, as it said it."""

muted_alarm = sa.Table(
    "muted_alarm",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("permit_id", sa.BigInteger, nullable=False),
    sa.Column("permit_until", sa.BigInteger, nullable=False),
    sa.Column("asset_id", sa.String(64), nullable=False),
    sa.Column("sensor_id", sa.Text, nullable=False),
    sa.Column("detector", sa.String(64), nullable=False),
    *_said(),
    sa.Index(None, "permit_id"),
    sa.Index(None, "permit_until"),
    sa.Index(None, "recorded_at"),
)
"""What announced work kept the engine from saying: a row for each change and each permit (the number of its
request) that held then; 0 = a permit of an earlier version, whose number the engine did not know."""

incident = sa.Table(
    "incident",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("asset_id", sa.String(64), nullable=False),
    sa.Column("hazard", sa.String(32), nullable=False),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("event_at", sa.BigInteger, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("limit", sa.Double),
    sa.Column("unit", sa.String(16), nullable=False),
    sa.Column("reason_key", sa.String(128), nullable=False),
    sa.Column("reason_values", sa.JSON, nullable=False),
    sa.Column("sensor_ids", sa.JSON, nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),
    sa.Column("alarm_firing", sa.Boolean, nullable=False),
    sa.Column("cleared_at", sa.BigInteger),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("name", sa.String(256), nullable=False),
    sa.Column("district", sa.String(64), nullable=False),
    sa.Column("road", sa.String(256), nullable=False),
    sa.Column("lon", sa.Double),
    sa.Column("lat", sa.Double),
    sa.Column("acknowledged_by", sa.String(128)),
    sa.Column("acknowledged_at", sa.BigInteger),
    sa.Column("assignee", sa.String(128)),
    sa.Column("finished_at", sa.BigInteger),
    sa.Column("unanswered_since", sa.BigInteger),
    sa.Column("answered_severity", sa.SmallInteger),
    sa.Column("episode", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("next_step_at", sa.BigInteger),
    sa.Column("unreachable", sa.Boolean, nullable=False),
    sa.Column("previous_id", _ID),
    sa.Column("answered_by", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("dispatched_at", sa.BigInteger),
    sa.Column("on_site_at", sa.BigInteger),
    sa.Column("resolved_at", sa.BigInteger),
    sa.Column("limits_from", sa.BigInteger),
    sa.Column("next_urge_at", sa.BigInteger),
    sa.Column("urged", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("judged_severity", sa.SmallInteger),
    sa.Column("judged_over", sa.SmallInteger),
    sa.Column("parent_id", _ID),
    sa.Column("kept_apart", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("exercise", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index(
        "uq_incident_live",
        "subject",
        "hazard",
        unique=True,
        sqlite_where=sa.text(LIVE_STATES_SQL),
        postgresql_where=sa.text(LIVE_STATES_SQL),
    ),
    sa.Index(None, "subject", "hazard", "id"),
    sa.Index(None, "next_step_at"),
    sa.Index(None, "asset_id"),
    sa.Index(None, "opened_at"),
    sa.Index(None, "state", "severity", "opened_at"),
    sa.Index(None, "next_urge_at"),
    sa.Index(None, "parent_id"),
)
"""What people work on; `incident.Incident` explains the columns."""

incident_transition = sa.Table(
    "incident_transition",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("incident_id", _ID, sa.ForeignKey("incident.id"), nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("from_state", sa.String(16)),
    sa.Column("to_state", sa.String(16), nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("reference", sa.Text),
)
"""Every change of an incident: who, when, why; `reference` tells where a photo lies. Rows are only added."""
