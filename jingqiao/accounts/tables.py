"""Tables of accounts, their sessions, attempts to log in, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only INTEGER keys

account = sa.Table(
    "account",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("display_name", sa.String(128), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("person", sa.String(128)),
    sa.Column("password_hash", sa.String(256)),
    sa.Column("external_id", sa.String(512), unique=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("disabled_at", sa.BigInteger),
    sa.Column("last_login_at", sa.BigInteger),
)
"""Who may come in. `person` is the id of the same human in the roster; `external_id` is `issuer subject` of
an OIDC provider; without `password_hash` only that way in is open."""

account_session = sa.Table(
    "account_session",
    metadata,
    sa.Column("key_hash", sa.String(64), primary_key=True),
    sa.Column("account", sa.String(64), sa.ForeignKey("account.name"), nullable=False, index=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
)
"""Who is in. The key itself is only in the browser's cookie: who reads the database cannot use it."""

login_attempt = sa.Table(
    "login_attempt",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
)
"""Attempts that failed lately."""

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False, index=True),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(192), nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Index(None, "who", "id"),
)
"""Every act by console, API or command on accounts; rows are only ever added."""
