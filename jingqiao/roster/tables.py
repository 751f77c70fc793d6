"""Table of what people changed on the roster beside its file: swaps, overrides, extra shifts."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

roster_override = sa.Table(
    "roster_override",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("team", sa.String(128), nullable=False),
    sa.Column("from_at", sa.BigInteger, nullable=False),
    sa.Column("until_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("people", sa.JSON, nullable=False),
    sa.Column("instead_of", sa.String(128)),
    sa.Column("extra", sa.Boolean, nullable=False),
    sa.Column("deputy", sa.String(128)),
    sa.Column("leader", sa.String(128)),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("withdrawn_at", sa.BigInteger),
    sa.Column("withdrawn_by", sa.String(128)),
    sa.Column("withdrawn_why", sa.Text),
)
"""One change, as `config.roster.Override` has it, and who made and withdrew it. Rows are never deleted."""
