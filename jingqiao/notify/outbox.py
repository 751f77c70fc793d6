"""The outbox: rows of messages, who may work on them, and what became of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from jingqiao.notify.tables import attempt, message, receipt

STEP_KINDS: Final = ("step", "escalated", "repeated", "stalled")
"""Kinds of messages that want an answer."""


class MessageState(StrEnum):
    """Where a message stands."""

    PENDING = "pending"
    SENDING = "sending"
    UNSURE = "unsure"
    """Nobody knows whether the last try went out: the provider is asked before anything else."""
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Answered before it went out."""
    HELD = "held"
    """Kept back for a while; `held` says why."""
    MERGED = "merged"
    """Told in a summary (`told_by`)."""


WAITING: Final = (MessageState.PENDING, MessageState.SENDING, MessageState.UNSURE)
ARRIVED: Final = (MessageState.SENT, MessageState.DELIVERED, MessageState.READ)
KEPT: Final = (MessageState.HELD, MessageState.MERGED)
"""Nobody failed to be told here: it is kept on purpose, or stands in a summary that has its own row."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be put into the outbox; `dedup_key` says that it is the same as an earlier one."""

    dedup_key: str
    incident_id: int | None
    kind: str
    severity: int
    person: str
    role: str
    title: str
    body: str
    fields: Mapping[str, str]
    area: str = ""
    exercise: bool = False
    held: str | None = None
    held_until: int | None = None
    """[µs since 1970 UTC]"""
    via: str | None = None
    """Name of the one channel it goes by; None = by the person's channels in their order."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this worker, and no other, works on until its lease ends."""

    id: int
    dedup_key: str
    incident_id: int | None
    kind: str
    person: str
    title: str
    body: str
    fields: Mapping[str, str]
    channel: int
    tries: int
    asks: int
    state: str
    severity: int
    lease: str
    via: str | None


def enqueue(connection: sa.Connection, messages: Sequence[NewMessage], now: int) -> None:
    """Put messages into the outbox; those whose key is there already are the same and stay as they are."""
    if not messages:
        return
    rows = [
        {
            "dedup_key": new.dedup_key,
            "incident_id": new.incident_id,
            "kind": new.kind,
            "severity": new.severity,
            "person": new.person,
            "role": new.role,
            "title": new.title,
            "body": new.body,
            "fields": dict(new.fields),
            "created_at": now,
            "state": (MessageState.HELD if new.held else MessageState.PENDING).value,
            "channel": 0,
            "tries": 0,
            "asks": 0,
            "due_at": new.held_until if new.held else now,
            "held": new.held,
            "area": new.area or None,
            "exercise": new.exercise,
            "let_go_at": None if new.held else now,
            "via": new.via,
        }
        for new in messages
    ]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(message).on_conflict_do_nothing(index_elements=["dedup_key"]), rows)


def copy_beside(connection: sa.Connection, message_id: int, via: str, now: int) -> None:
    """Put the same message into the outbox once more, to go by one named channel at the same time."""
    row = connection.execute(sa.select(message).where(message.c.id == message_id)).mappings().one()
    copied = {name: row[name] for name in ("incident_id", "kind", "severity", "person", "role", "title")}
    key = f"{row['dedup_key']}+{via.replace(':', '_')}"
    copy = NewMessage(
        dedup_key=key, body=row["body"], fields=row["fields"], area=row["area"] or "", via=via, **copied
    )
    enqueue(connection, [copy], now)


def claim(connection: sa.Connection, now: int, lease_us: int, limit: int) -> list[Claimed]:
    """Take due messages, gravest first, for this worker alone; whose lease ended are due again."""
    lease = uuid.uuid4().hex
    candidates = (
        sa.select(message.c.id)
        .where(message.c.due_at <= now, message.c.state != MessageState.HELD.value)
        .order_by(message.c.severity.desc(), message.c.created_at, message.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = connection.execute(candidates).scalars().all()
    if not ids:
        return []
    query = (
        sa.update(message)
        .where(message.c.id.in_(ids), message.c.due_at <= now)
        .values(
            # A sent message is only asked after: it must never look as if it were to be sent again.
            state=sa.case(
                (message.c.state == MessageState.SENT.value, message.c.state),
                else_=MessageState.SENDING.value,
            ),
            lease=lease,
            due_at=now + lease_us,
        )
        .returning(message)
    )
    rows = connection.execute(query).mappings().all()
    order = {id_: place for place, id_ in enumerate(ids)}
    return [
        Claimed(**{name: row[name] for name in Claimed.__slots__})
        for row in sorted(rows, key=lambda row: order[row["id"]])
    ]


def postpone_alike(connection: sa.Connection, claimed: Claimed, until: int) -> None:
    """Let the person's other messages that go the same way wait until then, too."""
    connection.execute(
        sa.update(message)
        .where(
            message.c.person == claimed.person,
            message.c.channel == claimed.channel,
            message.c.severity == claimed.severity,
            message.c.via.is_(None) if claimed.via is None else message.c.via == claimed.via,
            message.c.state == MessageState.PENDING.value,
            message.c.due_at < until,
        )
        .values(due_at=until)
    )


def renew(connection: sa.Connection, claimed: Sequence[Claimed], until: int) -> None:
    """Keep messages for those who still work on them."""
    if claimed:
        connection.execute(
            sa.update(message)
            .where(message.c.lease.in_([item.lease for item in claimed]))
            .where(message.c.id.in_([item.id for item in claimed]))
            .values(due_at=until)
        )


def begin_attempt(
    connection: sa.Connection, claimed: Claimed, channel: str, account: str, now: int, **values: Any
) -> int:
    """Write down that a try begins; give its id. values : columns of one that ends before it begins."""
    query = (
        sa.insert(attempt)
        .values(
            message_id=claimed.id,
            person=claimed.person,
            channel=channel,
            account=account,
            started_at=now,
            **values,
        )
        .returning(attempt.c.id)
    )
    return int(connection.execute(query).scalar_one())


def last_attempt(connection: sa.Connection, message_id: int) -> Mapping[str, Any] | None:
    """The last try of a message."""
    query = (
        sa.select(attempt).where(attempt.c.message_id == message_id).order_by(attempt.c.id.desc()).limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def add_receipt(
    connection: sa.Connection, attempt_id: int, now: int, status: str, provider_code: str, detail: str
) -> None:
    """Write down what a provider said of a try afterwards."""
    connection.execute(
        sa.insert(receipt).values(
            attempt_id=attempt_id, at=now, status=status, provider_code=provider_code, detail=detail
        )
    )


def end_attempt(connection: sa.Connection, attempt_id: int, now: int, **values: Any) -> None:
    """Write down how a try ended: outcome, provider_code, detail, provider_id."""
    connection.execute(sa.update(attempt).where(attempt.c.id == attempt_id).values(finished_at=now, **values))


def settle(connection: sa.Connection, claimed: Claimed, **values: Any) -> bool:
    """Write down where a message stands; False when the lease was lost or it was cancelled meanwhile."""
    query = sa.update(message).where(
        message.c.id == claimed.id,
        message.c.lease == claimed.lease,
        message.c.state.in_([MessageState.SENDING.value, MessageState.SENT.value]),
    )
    return connection.execute(query.values(lease=None, **values)).rowcount == 1


def take_over(connection: sa.Connection, message_id: int) -> Claimed | None:
    """Take a message that is on its way from whoever works on it: its provider told how it ended.

    None when it is not on its way any more.
    """
    query = (
        sa.update(message)
        .where(
            message.c.id == message_id,
            message.c.state.in_(
                [MessageState.SENDING.value, MessageState.UNSURE.value, MessageState.SENT.value]
            ),
        )
        .values(
            state=sa.case(
                (message.c.state == MessageState.SENT.value, message.c.state),
                else_=MessageState.SENDING.value,
            ),
            lease=uuid.uuid4().hex,
        )
        .returning(message)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else Claimed(**{name: row[name] for name in Claimed.__slots__})


def cancel_steps(
    connection: sa.Connection, incident_id: int, now: int, people: Sequence[str] | None = None
) -> None:
    """Take back what still waits to ask for an answer: somebody gave it. people : only of these."""
    connection.execute(
        sa.update(message)
        .where(
            sa.true() if people is None else message.c.person.in_(people),
            message.c.incident_id == incident_id,
            message.c.kind.in_(STEP_KINDS),
            message.c.state.in_(
                [MessageState.PENDING.value, MessageState.UNSURE.value, MessageState.HELD.value]
            ),
        )
        .values(state=MessageState.CANCELLED.value, due_at=None, finished_at=now)
    )


def told(connection: sa.Connection, incident_ids: Sequence[int]) -> dict[int, list[str]]:
    """Ids of people who were, or are being, asked to answer, of each incident, in that order."""
    query = (
        sa.select(message.c.incident_id, message.c.person)
        .where(
            message.c.incident_id.in_(incident_ids),
            message.c.kind.in_(STEP_KINDS),
            message.c.state != MessageState.FAILED.value,
            sa.or_(message.c.let_go_at.is_not(None), message.c.told_by.is_not(None)),
        )
        .order_by(message.c.id)
    )
    people: dict[int, dict[str, None]] = {}
    for incident_id, person in connection.execute(query):
        people.setdefault(incident_id, {})[person] = None
    return {incident_id: list(names) for incident_id, names in people.items()}


def fail_members(connection: sa.Connection, summary_id: int, now: int) -> list[tuple[int, str]]:
    """A summary failed for good: so did what it told. Gives (incident id, key) of what asks for an answer."""
    rows = connection.execute(
        sa.update(message)
        .where(message.c.told_by == summary_id, message.c.state == MessageState.MERGED.value)
        .values(state=MessageState.FAILED.value, finished_at=now)
        .returning(message.c.incident_id, message.c.dedup_key, message.c.kind)
    ).all()
    return [
        (row.incident_id, row.dedup_key)
        for row in rows
        if row.incident_id is not None and row.kind in STEP_KINDS
    ]


def next_due(connection: sa.Connection) -> int | None:
    """When the next message is due [µs]; None when nothing waits."""
    return connection.execute(sa.select(sa.func.min(message.c.due_at))).scalar()


def messages_of(connection: sa.Connection, incident_id: int) -> list[Mapping[str, Any]]:
    """Messages of an incident, oldest first."""
    query = sa.select(message).where(message.c.incident_id == incident_id).order_by(message.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def attempts_of(connection: sa.Connection, message_id: int) -> list[Mapping[str, Any]]:
    """Tries of a message, oldest first."""
    query = sa.select(attempt).where(attempt.c.message_id == message_id).order_by(attempt.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def latest_messages(
    connection: sa.Connection, limit: int, state: str | None = None
) -> list[Mapping[str, Any]]:
    """The newest messages, newest first; of one state where it is named."""
    query = sa.select(message).order_by(message.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(message.c.state == state)
    return [dict(row) for row in connection.execute(query).mappings()]
