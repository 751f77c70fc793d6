"""Table of the commands to devices, one row each from the request to its end."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

device_command = sa.Table(
    "device_command",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("sensor_id", sa.Text, nullable=False, index=True),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("requested_at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("timeout_s", sa.Double, nullable=False),
    sa.Column("sent_at", sa.BigInteger),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("answer", sa.Text, nullable=False, server_default=""),
)
"""`id` is a UUID: ChirpStack wants one. `state`: queued, sent, acked, refused, timed_out, cancelled."""
