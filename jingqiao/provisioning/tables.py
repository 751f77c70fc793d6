"""Tables of provisioning: who may speak at the broker, and which senders are unwanted."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

credential = sa.Table(
    "device_credential",
    metadata,
    sa.Column("sensor_id", sa.Text, primary_key=True),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
)
"""The broker's account of a device; the password itself is shown once and kept nowhere."""

refused = sa.Table(
    "refused_device",
    metadata,
    sa.Column("sensor_id", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
)
"""Senders that are not ours: they no longer stand in the list of those to be bound."""
