"""Table of drills."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

drill = sa.Table(
    "drill",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("incident_id", _ID, sa.ForeignKey("incident.id"), nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("until_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger, index=True),
    sa.Column("ended_by", sa.String(128)),
)
"""One drill and its made-up incident; it ends by itself at `until_at` [µs since 1970 UTC]."""
