"""Tables of what goes out to other systems: events, CAP messages, deliveries to webhooks."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only INTEGER keys

outlet_start = sa.Table(
    "outlet_start",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("transition_id", _ID, nullable=False),
)
"""One row: transitions up to this one happened before anybody wanted to hear of them."""

outlet_event = sa.Table(
    "outlet_event",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("transition_id", _ID, nullable=False, unique=True),
    sa.Column("incident_id", _ID, sa.ForeignKey("incident.id"), nullable=False, index=True),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
)
"""One change of an incident as other systems are told of it; `document` is the data of the CloudEvent."""

cap_message = sa.Table(
    "cap_message",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("identifier", sa.String(128), nullable=False, unique=True),
    sa.Column("incident_id", _ID, sa.ForeignKey("incident.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("sent_at", sa.BigInteger, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
)
"""A CAP message as it was issued; it never changes. `document` is a `cap.CapMessage`."""

webhook_delivery = sa.Table(
    "webhook_delivery",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("hook", sa.String(64), nullable=False),
    sa.Column("event_id", _ID, sa.ForeignKey("outlet_event.id"), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("due_at", sa.BigInteger),
    sa.Column("last_try_at", sa.BigInteger),
    sa.Column("last_answer", sa.String(256), nullable=False),
    sa.Column("finished_at", sa.BigInteger),
    sa.UniqueConstraint("hook", "event_id"),
    sa.Index(None, "hook", "state", "id"),
)
"""One event on its way to one system: pending, delivered, or dead (it was refused, or tried for days)."""
