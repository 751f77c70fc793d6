"""Tables of the outbox: messages to people, attempts to send them, receipts that came back."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.database import metadata

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite counts up only INTEGER keys

message = sa.Table(
    "message",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("dedup_key", sa.String(192), nullable=False, unique=True),
    sa.Column("incident_id", _ID, sa.ForeignKey("incident.id"), index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("severity", sa.SmallInteger, nullable=False),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("fields", sa.JSON, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("channel", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("asks", sa.Integer, nullable=False),
    sa.Column("due_at", sa.BigInteger),
    sa.Column("lease", sa.String(64)),
    sa.Column("finished_at", sa.BigInteger),
    sa.Column("held", sa.String(32)),
    sa.Column("area", sa.String(128)),
    sa.Column("let_go_at", sa.BigInteger),
    sa.Column("told_by", _ID, index=True),
    sa.Column("via", sa.String(128)),
    sa.Column("exercise", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index(None, "due_at"),
    sa.Index(None, "person", "let_go_at"),
    sa.Index(None, "created_at", "exercise", "state"),
)
"""One message to one person. `channel` is the position in the person's list, `tries` those on it so far,
`due_at` when a worker shall take it up next: the time of the next try, of the next question for a receipt
(`asks` so far), or the end of a worker's lease. `held` says why it was kept back (`calm.py`), `area` what is
told together, `let_go_at` when it counted against the person's hour, `told_by` the summary that told it,
`via` the one channel that it goes by, beside another message by the person's first one."""

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("message_id", _ID, sa.ForeignKey("message.id"), nullable=False, index=True),
    sa.Column("person", sa.String(128), nullable=False),
    sa.Column("channel", sa.String(64), nullable=False),
    sa.Column("account", sa.String(32), nullable=False),
    sa.Column("address", sa.String(32)),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("finished_at", sa.BigInteger),
    sa.Column("outcome", sa.String(24)),
    sa.Column("provider_code", sa.String(128)),
    sa.Column("detail", sa.Text),
    sa.Column("provider_id", sa.String(256), index=True),
    sa.Index(None, "account", "started_at"),
)
"""One try by one channel: `account` is what it counts as in the ledger (`channels.account_of`), `address`
stands for the channel's whole URL (`channels.mark_of`; NULL in old rows). Written before the provider is
called: a row without an outcome is a try that nobody saw end."""

receipt = sa.Table(
    "receipt",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("attempt_id", _ID, sa.ForeignKey("attempt.id"), nullable=False, index=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("provider_code", sa.String(128), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)
"""What a provider said of a try afterwards: delivered, read, failed."""

silence = sa.Table(
    "silence",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("asset_id", sa.String(64), nullable=False),
    sa.Column("district", sa.String(64), nullable=False),
    sa.Column("hazard", sa.String(32), nullable=False),
    sa.Column("from_at", sa.BigInteger, nullable=False),
    sa.Column("until_at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
"""What people asked not to be told of for a while; "" = any. Ended early by an earlier `until_at`."""

sms_reply = sa.Table(
    "sms_reply",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("provider", sa.String(16), nullable=False),
    sa.Column("provider_key", sa.String(128), nullable=False, unique=True),
    sa.Column("people", sa.JSON, nullable=False),
    sa.Column("said_at", sa.BigInteger, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("outcome", sa.String(16), index=True),
    sa.Column("incident_ids", sa.JSON, nullable=False),
    sa.Column("handled_at", sa.BigInteger),
)
"""What somebody answered by SMS. `provider_key` tells a second push of the same answer, `people` are the ids
of those whose phone it came from (the number stays in the roster), `outcome` None = not handled yet."""


muting = sa.Table(
    "muting",
    metadata,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("cause", sa.String(32), nullable=False),
    sa.Column("incident_id", _ID, sa.ForeignKey("incident.id"), nullable=False),
    sa.Column("first_at", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("cause", "incident_id"),
)
"""What was kept from people by a cause (`silence:ID`, `inhibited:ID of the outage`), each incident once."""
