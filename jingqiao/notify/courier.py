"""The courier's rules: which channel a message goes by, and what an outcome means for it. All in rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog

from config.roster import Channel, Roster
from jingqiao.database import reading, writing
from jingqiao.drills.drill import next_end
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.channels import account_of, limits_of, mark_of
from jingqiao.notify.limits import HELD, free_at
from jingqiao.notify.outbox import (
    STEP_KINDS,
    Claimed,
    MessageState,
    add_receipt,
    begin_attempt,
    claim,
    copy_beside,
    end_attempt,
    fail_members,
    last_attempt,
    next_due,
    postpone_alike,
    renew,
    settle,
    take_over,
)
from jingqiao.notify.planner import Planner
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt, Result, Sender
from jingqiao.notify.ways import beside, ways

BACKOFF_S: Final = (2.0, 8.0, 30.0)
"""Waits between tries on one channel [s]; after the last the next channel is taken."""
ASK_AFTER_S: Final = 5.0
"""How long a provider is given before it is asked about a try that nobody saw end [s]."""
RECEIPT_AFTER_S: Final = (10.0, 20.0, 60.0, 180.0, 600.0, 1800.0)
"""Waits before each question for a receipt of a sent message [s]; then it stays "sent"."""
PATIENCE_S: Final = 5.0
"""How long a message waits for a provider's limit before it takes the person's next channel [s]."""
LONG_S: Final = 120.0
"""How long a person's last channel may ask to be left alone before that is a no [s]."""
_SECOND_US: Final = 1_000_000
_UNKNOWN: Final = (None, Result.UNKNOWN.value)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """One try that is about to be made, or a question about an earlier one.

    attempt_id : int | None  Row of the try; None where there is nobody to send to.
    ask_about : str | None  The provider's number ("" = it gave none) of the try to ask about; None = send.
    started_at : int  When that try began [µs since 1970 UTC].
    ours : bool  The try that is asked about was cut off on our side (a crash): no fault of the channel's.
    """

    claimed: Claimed
    channel: Channel | None
    outgoing: Outgoing | None
    attempt_id: int | None
    ask_about: str | None
    started_at: int
    ours: bool = False

    def run(self, sender: Sender) -> Outcome | Receipt | None:
        """Send, or ask. Called in a worker thread."""
        if self.outgoing is None:
            return Outcome(Result.FAILED_PERMANENT, "roster", "no such person or channel in the roster")
        if self.ask_about is None:
            return sender.send(self.outgoing)
        return sender.ask(self.outgoing, self.ask_about, self.started_at)


@dataclass(frozen=True, slots=True)
class Ended:
    """A job and what came of it at `at` [µs since 1970 UTC]."""

    job: Job
    result: Outcome | Receipt | None
    at: int


class Courier:
    """Takes messages from the outbox and writes back what became of them."""

    def __init__(
        self, database: sa.Engine, roster: Callable[[], Roster], planner: Planner, lease_us: int
    ) -> None:
        self._database = database
        self._roster = roster
        self._planner = planner
        self._lease_us = lease_us

    def next_due(self) -> int | None:
        """When a step or a message is due next [µs since 1970 UTC]; None when nothing waits."""
        with reading(self._database) as connection:
            step = connection.execute(sa.select(sa.func.min(incident_table.c.next_step_at))).scalar()
            urge = connection.execute(sa.select(sa.func.min(incident_table.c.next_urge_at))).scalar()
            due = next_due(connection)
            over = next_end(connection)
        return min((at for at in (step, urge, due, over) if at is not None), default=None)

    def take(self, now: int, free: int, flying: Sequence[Job] = ()) -> list[Job]:
        """Plan the steps that are due, and claim at most `free` messages.

        flying : Jobs that are being done here: slow, not crashed, so that nobody may take them up anew.
        """
        due = self.next_due()
        if due is None or due > now:
            return []
        roster = self._roster()
        with writing(self._database) as connection:
            renew(connection, [job.claimed for job in flying], now + self._lease_us)
            self._planner.escalate(connection, now)
            self._planner.release(connection, now)
            jobs: list[Job] = []
            while len(jobs) < free:
                claimed = claim(connection, now, self._lease_us, free - len(jobs))
                if not claimed:
                    break
                prepared = (self._prepare(connection, roster, item, now) for item in claimed)
                jobs += [job for job in prepared if job is not None]
            return jobs

    def record(self, batch: Sequence[Ended]) -> None:
        """Write down what became of jobs, all of them in one transaction."""
        with writing(self._database) as connection:
            for ended in batch:
                job, result, now = ended.job, ended.result, ended.at
                if job.claimed.state == MessageState.SENT.value:
                    self._record_receipt(connection, job, result, now)
                elif job.ask_about is None:
                    assert isinstance(result, Outcome)
                    self._record_try(connection, job, result, now)
                else:
                    self._record_answer(connection, job, result, now)

    def failed_afterwards(
        self, connection: sa.Connection, message_id: int, attempt_id: int, receipt: Receipt, now: int
    ) -> None:
        """A provider tells by itself that a try failed: the next channel, or the next person."""
        claimed = take_over(connection, message_id)
        if claimed is not None:
            self._failed_afterwards(connection, Job(claimed, None, None, attempt_id, "", now), receipt, now)

    def _prepare(self, connection: sa.Connection, roster: Roster, claimed: Claimed, now: int) -> Job | None:
        person = roster.people.get(claimed.person)
        channels = ways(person, claimed.severity, claimed.via)
        if person is None or claimed.channel >= len(channels):
            return Job(claimed, None, None, None, None, now)
        channel = channels[claimed.channel]
        outgoing = Outgoing(
            to=person.name,
            channel_url=channel.url,
            title=claimed.title,
            body=claimed.body,
            fields=claimed.fields,
            reference=claimed.dedup_key,
        )
        last = last_attempt(connection, claimed.id)
        if last is None and claimed.via is None and claimed.kind in STEP_KINDS:
            for name in beside(person, claimed.severity):
                copy_beside(connection, claimed.id, name, now)
        if claimed.state == MessageState.SENT.value or (last is not None and last["outcome"] in _UNKNOWN):
            if last is None:
                settle(connection, claimed, due_at=None)
                return None
            return Job(
                claimed,
                channel,
                outgoing,
                last["id"],
                last["provider_id"] or "",
                last["started_at"],
                ours=last["outcome"] is None,
            )
        account = account_of(channel.url)
        limits = limits_of(channel.url)
        free = free_at(connection, account, limits, now) if limits else now
        if free > now:
            self._hold(connection, claimed, channel, account, now, free, len(channels))
            return None
        return Job(
            claimed,
            channel,
            outgoing,
            begin_attempt(connection, claimed, channel.name, account, now, address=mark_of(channel.url)),
            None,
            now,
        )

    def _hold(
        self,
        connection: sa.Connection,
        claimed: Claimed,
        channel: Channel,
        account: str,
        now: int,
        free: int,
        channels: int,
    ) -> None:
        """The provider's limit is reached: wait a moment, or take the person's next channel."""
        wait_s = (free - now) / _SECOND_US
        last = claimed.channel + 1 >= channels
        if wait_s <= PATIENCE_S or last:
            settle(connection, claimed, state=MessageState.PENDING.value, due_at=free)
            if last:  # those behind it wait as well: all at once, not a row each time the limit lets one go
                postpone_alike(connection, claimed, free)
            return
        detail = f"the provider's limit is reached for {wait_s:.0f} s"
        begin_attempt(
            connection,
            claimed,
            channel.name,
            account,
            now,
            address=mark_of(channel.url),
            finished_at=now,
            outcome=HELD,
            detail=detail,
        )
        settle(
            connection,
            claimed,
            state=MessageState.PENDING.value,
            channel=claimed.channel + 1,
            tries=0,
            due_at=now,
        )

    def _record_try(self, connection: sa.Connection, job: Job, outcome: Outcome, now: int) -> None:
        if job.attempt_id is not None:
            end_attempt(
                connection,
                job.attempt_id,
                now,
                outcome=outcome.result.value,
                provider_code=outcome.provider_code,
                detail=outcome.detail,
                provider_id=outcome.provider_id,
            )
        match outcome.result:
            case Result.SENT:
                self._sent(connection, job, asks=bool(outcome.provider_id), now=now)
            case Result.UNKNOWN:
                self._ask_later(connection, job, now)
            case Result.FAILED_TEMPORARY if job.claimed.tries < len(BACKOFF_S) - 1:
                wait_s = BACKOFF_S[job.claimed.tries]
                self._wait_or_next(connection, job, max(wait_s, outcome.retry_after_s or 0), outcome, now)
            case _:
                self._next_channel(connection, job, outcome, now)

    def _record_answer(
        self, connection: sa.Connection, job: Job, answer: Outcome | Receipt | None, now: int
    ) -> None:
        """What a provider said of a try that nobody saw end."""
        assert job.attempt_id is not None
        delivery = answer.delivery if isinstance(answer, Receipt) else None
        match delivery:
            case Delivery.DELIVERED | Delivery.READ:
                end_attempt(connection, job.attempt_id, now, outcome=Result.SENT.value)
                self._arrived(connection, job, answer, now)
            case Delivery.WAITING:
                end_attempt(connection, job.attempt_id, now, outcome=Result.SENT.value)
                self._sent(connection, job, asks=True, now=now)
            case Delivery.FAILED:
                end_attempt(connection, job.attempt_id, now, outcome=Result.FAILED_PERMANENT.value)
                self._failed_afterwards(connection, job, answer, now)
            case Delivery.NOT_YET:
                self._ask_later(connection, job, now)
            case Delivery.NEVER_SEEN:
                end_attempt(connection, job.attempt_id, now, outcome="never_seen")
                self._again(connection, job, now)
            case None:
                # It cannot be asked: a doubled warning is better than a lost one. Counted by this word.
                end_attempt(connection, job.attempt_id, now, outcome="unknown_repeated")
                self._again(connection, job, now)

    def _record_receipt(
        self, connection: sa.Connection, job: Job, answer: Outcome | Receipt | None, now: int
    ) -> None:
        """What a provider said of a message that it had taken."""
        delivery = answer.delivery if isinstance(answer, Receipt) else None
        match delivery:
            case Delivery.DELIVERED | Delivery.READ:
                self._arrived(connection, job, answer, now)
            case Delivery.FAILED:
                self._failed_afterwards(connection, job, answer, now)
            case Delivery.WAITING | Delivery.NOT_YET | Delivery.NEVER_SEEN if job.claimed.asks + 1 < len(
                RECEIPT_AFTER_S
            ):
                wait_us = round(RECEIPT_AFTER_S[job.claimed.asks + 1] * _SECOND_US)
                settle(connection, job.claimed, asks=job.claimed.asks + 1, due_at=now + wait_us)
            case _:
                settle(connection, job.claimed, due_at=None)

    def _sent(self, connection: sa.Connection, job: Job, *, asks: bool, now: int) -> None:
        due_at = now + round(RECEIPT_AFTER_S[0] * _SECOND_US) if asks else None
        settle(connection, job.claimed, state=MessageState.SENT.value, due_at=due_at, asks=0, finished_at=now)

    def _arrived(
        self, connection: sa.Connection, job: Job, answer: Outcome | Receipt | None, now: int
    ) -> None:
        assert isinstance(answer, Receipt)
        assert job.attempt_id is not None
        add_receipt(
            connection, job.attempt_id, now, answer.delivery.value, answer.provider_code, answer.detail
        )
        settle(
            connection,
            job.claimed,
            state=MessageState(answer.delivery.value).value,
            due_at=None,
            finished_at=now,
        )

    def _failed_afterwards(
        self, connection: sa.Connection, job: Job, answer: Outcome | Receipt | None, now: int
    ) -> None:
        assert isinstance(answer, Receipt)
        assert job.attempt_id is not None
        add_receipt(connection, job.attempt_id, now, "failed", answer.provider_code, answer.detail)
        failed = Outcome(Result.FAILED_PERMANENT, answer.provider_code, answer.detail)
        self._next_channel(connection, job, failed, now)

    def _ask_later(self, connection: sa.Connection, job: Job, now: int) -> None:
        due_at = now + round(ASK_AFTER_S * _SECOND_US)
        settle(connection, job.claimed, state=MessageState.UNSURE.value, due_at=due_at)

    def _again(self, connection: sa.Connection, job: Job, now: int) -> None:
        if job.ours:
            settle(connection, job.claimed, state=MessageState.PENDING.value, due_at=now)
        elif job.claimed.tries < len(BACKOFF_S) - 1:
            self._retry(connection, job, now)
        else:
            self._next_channel(connection, job, Outcome(Result.FAILED_TEMPORARY, "no answer"), now)

    def _retry(self, connection: sa.Connection, job: Job, due_at: int) -> None:
        if self._answered(connection, job.claimed, due_at):
            return
        settle(
            connection,
            job.claimed,
            state=MessageState.PENDING.value,
            tries=job.claimed.tries + 1,
            due_at=due_at,
        )

    def _wait_or_next(
        self, connection: sa.Connection, job: Job, wait_s: float, outcome: Outcome, now: int
    ) -> None:
        """Try again in a while. A provider that wants long sends the message to the next channel; one that
        wants very long (a day's quota) to the next person, where there is no other channel."""
        patience_s = PATIENCE_S if self._more(job.claimed) else LONG_S
        if wait_s > max(patience_s, BACKOFF_S[job.claimed.tries]):
            self._next_channel(connection, job, outcome, now)
        else:
            self._retry(connection, job, now + round(wait_s * _SECOND_US))

    @staticmethod
    def _answered(connection: sa.Connection, claimed: Claimed, now: int) -> bool:
        """Whether somebody answered while this was asked of a person in vain: then it is not asked again."""
        if claimed.incident_id is None or claimed.kind not in STEP_KINDS:
            return False
        awaited = sa.select(incident_table.c.unanswered_since).where(
            incident_table.c.id == claimed.incident_id
        )
        if connection.execute(awaited).scalar() is not None:
            return False
        was_sent = claimed.state == MessageState.SENT.value
        state = MessageState.FAILED if was_sent else MessageState.CANCELLED
        settle(connection, claimed, state=state.value, due_at=None, finished_at=now)
        return True

    def _more(self, claimed: Claimed) -> bool:
        """Whether the person has a further channel for this message."""
        person = self._roster().people.get(claimed.person)
        return claimed.channel + 1 < len(ways(person, claimed.severity, claimed.via))

    def _next_channel(self, connection: sa.Connection, job: Job, outcome: Outcome, now: int) -> None:
        claimed = job.claimed
        if self._answered(connection, claimed, now):
            return
        log.warning(
            "a channel failed; the next one is tried",
            person=claimed.person,
            channel=job.channel.name if job.channel else "",
            code=outcome.provider_code,
        )
        if self._more(claimed):
            settle(
                connection,
                claimed,
                state=MessageState.PENDING.value,
                channel=claimed.channel + 1,
                tries=0,
                due_at=now,
            )
            return
        failed = settle(connection, claimed, state=MessageState.FAILED.value, due_at=None, finished_at=now)
        log.error("a person could not be told by any channel", person=claimed.person)
        if failed:
            for incident_id, key in fail_members(connection, claimed.id, now):
                self._planner.hurry(connection, incident_id, key, now)
        if failed and claimed.incident_id is not None and claimed.kind in STEP_KINDS:
            self._planner.hurry(connection, claimed.incident_id, claimed.dedup_key, now)
