"""Tables of incidents and of how far the engine's changes were taken into them."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

engine_checkpoint = sa.Table(
    "engine_checkpoint",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("committed_at", sa.BigInteger, nullable=False),
)
"""How far the log was taken into incidents; one row an engine."""
