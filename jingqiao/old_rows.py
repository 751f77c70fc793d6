"""Forgets rows of long ago: alarms, messages, answers by SMS, events for other systems, CAP messages.

Never what still waits, and never what belongs to an incident that is not over. A few rows at a time: the
engine and the dispatcher write into the same database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from jingqiao.database import reading, writing
from jingqiao.exchange.tables import cap_message, outlet_event, outlet_start, webhook_delivery
from jingqiao.incidents.incident import LIVE
from jingqiao.incidents.tables import alarm_change, incident, muted_alarm
from jingqiao.notify.outbox import ARRIVED, MessageState
from jingqiao.notify.tables import attempt, message, receipt, sms_reply
from rules.alarm import AlarmState

BATCH: Final = 500
"""Rows in one transaction."""
_SETTLED: Final = (*ARRIVED, MessageState.FAILED, MessageState.CANCELLED, MessageState.MERGED)


def forget_messages(database: sa.Engine, before: int) -> int:
    """Forget messages written before then [µs since 1970 UTC], with tries and receipts; how many.

    One that still waits stays, one that is asked after, those of an incident that is not over, and a
    summary as long as something that it told.
    """
    members = message.alias()
    old = (
        sa.select(message.c.id)
        .where(
            message.c.created_at < before,
            message.c.due_at.is_(None),
            message.c.state.in_([state.value for state in _SETTLED]),
            ~_live(message.c.incident_id),
            ~sa.exists().where(members.c.told_by == message.c.id),
        )
        .order_by(message.c.id)
        .limit(BATCH)
    )
    return _in_batches(database, old, _delete_messages)


def forget_replies(database: sa.Engine, before: int) -> int:
    """Forget answers by SMS that came before then and were handled; how many."""
    old = (
        sa.select(sms_reply.c.id)
        .where(sms_reply.c.received_at < before, sms_reply.c.outcome.is_not(None))
        .limit(BATCH)
    )
    return _in_batches(database, old, lambda connection, ids: _delete(connection, sms_reply.c.id, ids))


def forget_events(database: sa.Engine, before: int) -> int:
    """Forget events from before then with their deliveries, unless one of these still waits; how many.

    A delivery that was given up counts from then, so that there is time to see it and to send it again.
    """
    waiting = sa.exists().where(
        webhook_delivery.c.event_id == outlet_event.c.id,
        sa.or_(webhook_delivery.c.finished_at.is_(None), webhook_delivery.c.finished_at >= before),
    )
    old = sa.select(outlet_event.c.id).where(outlet_event.c.at < before, ~waiting).limit(BATCH)
    return _in_batches(database, old.order_by(outlet_event.c.id), _delete_events)


def forget_warnings(database: sa.Engine, before: int) -> int:
    """Forget CAP messages from before then of warnings that are over; how many."""
    old = (
        sa.select(cap_message.c.id)
        .where(cap_message.c.sent_at < before, ~_live(cap_message.c.incident_id))
        .limit(BATCH)
    )
    return _in_batches(database, old, lambda connection, ids: _delete(connection, cap_message.c.id, ids))


def forget_alarms(database: sa.Engine, before: int) -> int:
    """Forget what the engine said before then; how many changes. Incidents with their history stay for good.

    An alarm is forgotten as a whole, when it has cleared before then: one that still rings stays from its
    beginning, and so does what is behind an incident that is not over.
    """
    cleared = alarm_change.alias()
    over = sa.exists().where(
        cleared.c.subject == alarm_change.c.subject,
        cleared.c.hazard == alarm_change.c.hazard,
        cleared.c.state == AlarmState.CLEAR.value,
        cleared.c.recorded_at < before,
        cleared.c.id >= alarm_change.c.id,
    )
    worked_on = sa.exists().where(
        incident.c.subject == alarm_change.c.subject,
        incident.c.hazard == alarm_change.c.hazard,
        incident.c.state.in_([s.value for s in LIVE]),
    )
    old = (
        sa.select(alarm_change.c.id)
        .where(
            alarm_change.c.recorded_at < before,
            sa.or_(alarm_change.c.historical, over),
            ~worked_on,
        )
        .order_by(alarm_change.c.id)
        .limit(BATCH)
    )
    return _in_batches(database, old, lambda connection, ids: _delete(connection, alarm_change.c.id, ids))


def forget_muted(database: sa.Engine, before: int) -> int:
    """Forget what announced work muted, when both are of before then; how many changes."""
    old = (
        sa.select(muted_alarm.c.id)
        .where(muted_alarm.c.recorded_at < before, muted_alarm.c.permit_until < before)
        .limit(BATCH)
    )
    return _in_batches(database, old, lambda connection, ids: _delete(connection, muted_alarm.c.id, ids))


def _live(incident_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return sa.exists().where(incident.c.id == incident_id, incident.c.state.in_([s.value for s in LIVE]))


def _in_batches(
    database: sa.Engine, old: sa.Select[int], delete: Callable[[sa.Connection, list[int]], None]
) -> int:
    """Look without the write lock, which others need; what changed meanwhile stays."""
    (id_,) = old.selected_columns
    count = 0
    while True:
        with reading(database) as connection:
            ids = list(connection.execute(old).scalars())
        if ids:
            with writing(database) as connection:
                still = list(connection.execute(old.where(id_.in_(ids))).scalars())
                if still:
                    delete(connection, still)
            count += len(still)
        if len(ids) < BATCH:
            return count


def _delete(connection: sa.Connection, column: sa.Column[int], ids: list[int]) -> None:
    connection.execute(sa.delete(column.table).where(column.in_(ids)))


def _delete_messages(connection: sa.Connection, ids: list[int]) -> None:
    tries = sa.select(attempt.c.id).where(attempt.c.message_id.in_(ids))
    connection.execute(sa.delete(receipt).where(receipt.c.attempt_id.in_(tries)))
    _delete(connection, attempt.c.message_id, ids)
    _delete(connection, message.c.id, ids)


def _delete_events(connection: sa.Connection, ids: list[int]) -> None:
    """The outlet begins behind what was forgotten: else it would take these changes for new ones."""
    newest = sa.select(sa.func.max(outlet_event.c.transition_id)).where(outlet_event.c.id.in_(ids))
    behind = connection.execute(newest).scalar_one()
    connection.execute(
        sa.update(outlet_start).where(outlet_start.c.transition_id < behind).values(transition_id=behind)
    )
    _delete(connection, webhook_delivery.c.event_id, ids)
    _delete(connection, outlet_event.c.id, ids)
