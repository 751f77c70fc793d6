"""Receipts that providers push by themselves: found to their try, written down once, and acted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
import structlog

from config.roster import Roster
from jingqiao.database import writing
from jingqiao.notify.channels.aliyun import out_id
from jingqiao.notify.courier import Courier
from jingqiao.notify.outbox import MessageState, add_receipt, end_attempt, last_attempt
from jingqiao.notify.planner import Planner
from jingqiao.notify.sender import Delivery, Receipt, Result
from jingqiao.notify.tables import attempt, message, receipt

_SAID: Final = (Delivery.DELIVERED, Delivery.READ, Delivery.FAILED)
_UNSEEN: Final = (None, Result.UNKNOWN.value)
_LEASE_US: Final = 30_000_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a provider says of one try.

    provider_id : str  Its own number for the message or call.
    our_id : str  Our number as `out_id` made it; "" where it brings none back.
    """

    provider_id: str
    our_id: str
    receipt: Receipt


class PushedReceipts:
    """Takes receipts in, each batch in one transaction.

    wake : () → None  Wakes the dispatcher: a failure may have put a message back into the outbox.
    """

    def __init__(
        self,
        database: sa.Engine,
        roster: Callable[[], Roster],
        planner: Planner,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._courier = Courier(database, roster, planner, _LEASE_US)
        self._wake = wake

    def take(self, batch: Sequence[Pushed], now: int) -> int:
        """Write receipts down; how many belong to messages of ours. A second push of one changes nothing."""
        known = 0
        with writing(self._database) as connection:
            for pushed in batch:
                found = _attempt_of(connection, pushed)
                if found is not None and pushed.receipt.delivery in _SAID:
                    known += 1
                    self._hear(connection, found, pushed, now)
        self._wake()
        if known < len(batch):
            log.info("receipts of messages that are not ours, or say nothing", count=len(batch) - known)
        return known

    def _hear(self, connection: sa.Connection, tried: Mapping[str, Any], pushed: Pushed, now: int) -> None:
        said = pushed.receipt
        if _heard_before(connection, tried["id"], said):
            return
        unseen = tried["outcome"] in _UNSEEN
        if unseen:
            taken = Result.FAILED_PERMANENT if said.delivery is Delivery.FAILED else Result.SENT
            end_attempt(connection, tried["id"], now, outcome=taken.value, provider_id=pushed.provider_id)
        last = last_attempt(connection, tried["message_id"])
        if said.delivery is not Delivery.FAILED:
            add_receipt(connection, tried["id"], now, said.delivery.value, said.provider_code, said.detail)
            _arrived(connection, tried["message_id"], said.delivery, now)
        elif last is not None and last["id"] == tried["id"]:
            self._courier.failed_afterwards(connection, tried["message_id"], tried["id"], said, now)
            if not _heard_before(connection, tried["id"], said):  # nobody waits for it any more
                add_receipt(connection, tried["id"], now, "failed", said.provider_code, said.detail)
        else:
            add_receipt(connection, tried["id"], now, "failed", said.provider_code, said.detail)


def _attempt_of(connection: sa.Connection, pushed: Pushed) -> Mapping[str, Any] | None:
    """The try that a receipt is about: by the provider's number, else by ours among those in flight."""
    if pushed.provider_id:
        query = sa.select(attempt).where(attempt.c.provider_id == pushed.provider_id)
        row = connection.execute(query.order_by(attempt.c.id.desc()).limit(1)).mappings().first()
        if row is not None:
            return dict(row)
    if not pushed.our_id:
        return None
    flying = sa.select(message.c.id, message.c.dedup_key).where(
        message.c.state.in_([MessageState.SENDING.value, MessageState.UNSURE.value])
    )
    for message_id, key in connection.execute(flying).all():
        if out_id(key) == pushed.our_id:
            return last_attempt(connection, message_id)
    return None


def _heard_before(connection: sa.Connection, attempt_id: int, said: Receipt) -> bool:
    query = (
        sa.select(sa.func.count())
        .select_from(receipt)
        .where(
            receipt.c.attempt_id == attempt_id,
            receipt.c.status == said.delivery.value,
            receipt.c.provider_code == said.provider_code,
        )
    )
    return bool(connection.execute(query).scalar_one())


def _arrived(connection: sa.Connection, message_id: int, delivery: Delivery, now: int) -> None:
    """A message that reached somebody needs no further channel, and falls back to no lesser state."""
    lesser = [MessageState.PENDING, MessageState.SENDING, MessageState.UNSURE, MessageState.SENT]
    if delivery is Delivery.READ:
        lesser.append(MessageState.DELIVERED)
    connection.execute(
        sa.update(message)
        .where(message.c.id == message_id, message.c.state.in_([state.value for state in lesser]))
        .values(state=MessageState(delivery.value).value, due_at=None, lease=None, finished_at=now)
    )
