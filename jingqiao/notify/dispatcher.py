"""The dispatcher: takes due steps and due messages, hands messages to the sender, writes down what became.

Nothing here sleeps until something is due: every decision is a function of `now` and of the rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
import structlog

from config.roster import Channel, Roster
from jingqiao.clock import Clock
from jingqiao.database import reading, writing
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.outbox import (
    STEP_KINDS,
    Claimed,
    MessageState,
    begin_attempt,
    claim,
    end_attempt,
    next_due,
    open_attempt,
    settle,
)
from jingqiao.notify.planner import Planner
from jingqiao.notify.sender import Delivery, Outcome, Outgoing, Receipt, Result, Sender

BACKOFF_S: Final = (2.0, 8.0, 30.0)
"""Waits between tries on one channel [s]; after the last the next channel is taken."""
ASK_AFTER_S: Final = 5.0
"""How long a provider is given before it is asked about a try that nobody saw end [s]."""
_SECOND_US: Final = 1_000_000
_POLL_S: Final = 0.5
"""Wall time after which rows are looked at without being woken: other processes write them too [s]."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Job:
    """One try that is about to be made, or a question about an earlier one."""

    claimed: Claimed
    channel: Channel | None
    outgoing: Outgoing | None
    attempt_id: int | None
    ask_about: str | None
    asked_since: int


class Dispatcher:
    """Sends what is in the outbox.

    roster : () → Roster  The roster of the moment; channels are looked up in it at each try.
    planner : Planner  Takes escalation steps, and the next one when a message fails for good.
    workers : int  How many providers are spoken to at once.
    lease_s : float  How long a try may take before another worker takes it for crashed [s].
    """

    def __init__(
        self,
        database: sa.Engine,
        sender: Sender,
        roster: Callable[[], Roster],
        planner: Planner,
        clock: Clock,
        *,
        workers: int = 16,
        lease_s: float = 60.0,
    ) -> None:
        self._database = database
        self._sender = sender
        self._roster = roster
        self._planner = planner
        self._clock = clock
        self._workers = workers
        self._lease_us = round(lease_s * _SECOND_US)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="send")
        self._rows = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._flying: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: list[tuple[_Job, Outcome | Receipt | None, int]] = []
        self._recording: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look at the outbox now. May be called from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Send for ever; ends by being cancelled, after what is under way was written down."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                self._woken.clear()
                try:
                    started = await self._start(self._clock.now())
                    due = await self._in_rows(self._next_due)
                except sa.exc.OperationalError:
                    log.exception("the outbox cannot be read; trying again")
                    started, due = 0, None
                if not started:
                    await self._wait(due)
        finally:
            await self._settle_flying()
            self.close()

    async def tick(self, now: int) -> None:
        """Do everything that is due at `now`, to its end."""
        self._loop = asyncio.get_running_loop()
        while await self._start(now) or self._flying:
            await self._settle_flying()

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False)
        self._rows.shutdown(wait=True)

    async def _settle_flying(self) -> None:
        while self._flying or self._recording is not None:
            waiting = [*self._flying] + ([self._recording] if self._recording is not None else [])
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _wait(self, due: int | None) -> None:
        """Until woken, until the next row is due, at most `_POLL_S` of wall time."""
        seconds = None if due is None else (due - self._clock.now()) / _SECOND_US
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._woken.wait())]
        if seconds is not None and self._free():
            waits.append(asyncio.create_task(self._clock.sleep(max(seconds, 0.01))))
        await asyncio.wait(waits, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    def _free(self) -> int:
        return self._workers - len(self._flying)

    def _next_due(self) -> int | None:
        with reading(self._database) as connection:
            step = connection.execute(sa.select(sa.func.min(incident_table.c.next_step_at))).scalar()
            due = next_due(connection)
        return min((at for at in (step, due) if at is not None), default=None)

    async def _start(self, now: int) -> int:
        """Plan due steps, claim what workers are free for, send it; how many messages that was."""
        free = self._free()
        jobs = await self._in_rows(self._take, now, free)
        for job in jobs:
            task = asyncio.create_task(self._fly(job))
            self._flying.add(task)
            task.add_done_callback(self._landed)
        return len(jobs)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        self._woken.set()
        error = None if task.cancelled() else task.exception()
        if error is not None:  # the row's lease ends, then the provider is asked what became of it
            log.error("what became of a message could not be written down", error=repr(error))

    def _take(self, now: int, free: int) -> Sequence[_Job]:
        due = self._next_due()
        if due is None or due > now:
            return ()
        roster = self._roster()
        with writing(self._database) as connection:
            self._planner.escalate(connection, now)
            claimed = claim(connection, now, self._lease_us, free) if free else []
            return [self._prepare(connection, roster, item, now) for item in claimed]

    def _prepare(self, connection: sa.Connection, roster: Roster, claimed: Claimed, now: int) -> _Job:
        person = roster.people.get(claimed.person)
        channels = person.channels if person is not None else ()
        if person is None or claimed.channel >= len(channels):
            return _Job(claimed, None, None, None, None, 0)
        channel = channels[claimed.channel]
        outgoing = Outgoing(
            to=person.name,
            channel_url=channel.url,
            title=claimed.title,
            body=claimed.body,
            fields=claimed.fields,
            reference=claimed.dedup_key,
        )
        unknown = open_attempt(connection, claimed.id)
        if unknown is not None:
            return _Job(
                claimed, channel, outgoing, unknown["id"], unknown["provider_id"] or "", unknown["started_at"]
            )
        attempt_id = begin_attempt(connection, claimed, channel.name, now)
        return _Job(claimed, channel, outgoing, attempt_id, None, now)

    async def _fly(self, job: _Job) -> None:
        result: Outcome | Receipt | None
        if job.outgoing is None:
            result = Outcome(Result.FAILED_PERMANENT, "roster", "no such person or channel in the roster")
        else:
            try:
                loop = asyncio.get_running_loop()
                result = await loop.run_in_executor(self._threads, self._call, job)
            except Exception as error:
                log.exception("a sender broke", channel=job.channel.name if job.channel else "")
                result = Outcome(Result.UNKNOWN, type(error).__name__, "the sender broke")
        self._ended.append((job, result, self._clock.now()))
        if self._recording is None:
            self._recording = asyncio.create_task(self._record_all())
        await asyncio.shield(self._recording)

    def _call(self, job: _Job) -> Outcome | Receipt | None:
        assert job.outgoing is not None
        if job.ask_about is None:
            return self._sender.send(job.outgoing)
        return self._sender.ask(job.outgoing, job.ask_about, job.asked_since)

    async def _record_all(self) -> None:
        """Write down everything that ended, as many as there are in one transaction."""
        try:
            while self._ended:
                batch, self._ended = self._ended, []
                await self._in_rows(self._record, batch)
        finally:
            self._recording = None

    def _record(self, batch: Sequence[tuple[_Job, Outcome | Receipt | None, int]]) -> None:
        with writing(self._database) as connection:
            for job, result, now in batch:
                if job.ask_about is None:
                    assert isinstance(result, Outcome)
                    self._record_try(connection, job, result, now)
                else:
                    self._record_answer(connection, job, result, now)

    def _record_try(self, connection: sa.Connection, job: _Job, outcome: Outcome, now: int) -> None:
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
                settle(connection, job.claimed, state=MessageState.SENT.value, due_at=None, finished_at=now)
            case Result.UNKNOWN:
                settle(
                    connection,
                    job.claimed,
                    state=MessageState.UNSURE.value,
                    due_at=now + round(ASK_AFTER_S * _SECOND_US),
                )
            case Result.FAILED_TEMPORARY if job.claimed.tries < len(BACKOFF_S) - 1:
                wait_s = outcome.retry_after_s or BACKOFF_S[job.claimed.tries]
                settle(
                    connection,
                    job.claimed,
                    state=MessageState.PENDING.value,
                    tries=job.claimed.tries + 1,
                    due_at=now + round(wait_s * _SECOND_US),
                )
            case _:
                self._next_channel(connection, job, outcome, now)

    def _record_answer(
        self, connection: sa.Connection, job: _Job, answer: Outcome | Receipt | None, now: int
    ) -> None:
        """What a provider said of a try that nobody saw end."""
        assert job.attempt_id is not None
        delivery = answer.delivery if isinstance(answer, Receipt) else None
        match delivery:
            case Delivery.DELIVERED | Delivery.READ | Delivery.WAITING:
                end_attempt(connection, job.attempt_id, now, outcome=Result.SENT.value)
                state = MessageState.SENT if delivery is Delivery.WAITING else MessageState(delivery.value)
                settle(connection, job.claimed, state=state.value, due_at=None, finished_at=now)
            case Delivery.FAILED:
                end_attempt(connection, job.attempt_id, now, outcome=Result.FAILED_PERMANENT.value)
                assert isinstance(answer, Receipt)
                failed = Outcome(Result.FAILED_PERMANENT, answer.provider_code, answer.detail)
                self._next_channel(connection, job, failed, now)
            case Delivery.NOT_YET:
                settle(
                    connection,
                    job.claimed,
                    state=MessageState.UNSURE.value,
                    due_at=now + round(ASK_AFTER_S * _SECOND_US),
                )
            case Delivery.NEVER_SEEN:
                end_attempt(connection, job.attempt_id, now, outcome="never_seen")
                self._again(connection, job, now)
            case None:
                # It cannot be asked: a doubled warning is better than a lost one. Counted by this word.
                end_attempt(connection, job.attempt_id, now, outcome="unknown_repeated")
                self._again(connection, job, now)

    def _again(self, connection: sa.Connection, job: _Job, now: int) -> None:
        if job.claimed.tries < len(BACKOFF_S) - 1:
            settle(
                connection,
                job.claimed,
                state=MessageState.PENDING.value,
                tries=job.claimed.tries + 1,
                due_at=now,
            )
        else:
            self._next_channel(connection, job, Outcome(Result.FAILED_TEMPORARY), now)

    def _next_channel(self, connection: sa.Connection, job: _Job, outcome: Outcome, now: int) -> None:
        claimed = job.claimed
        log.warning(
            "a channel failed; the next one is tried",
            person=claimed.person,
            channel=job.channel.name if job.channel else "",
            code=outcome.provider_code,
        )
        person = self._roster().people.get(claimed.person)
        if person is not None and claimed.channel + 1 < len(person.channels):
            settle(
                connection,
                claimed,
                state=MessageState.PENDING.value,
                channel=claimed.channel + 1,
                tries=0,
                due_at=now,
            )
            return
        lost = settle(connection, claimed, state=MessageState.FAILED.value, due_at=None, finished_at=now)
        log.error("a person could not be told by any channel", person=claimed.person)
        if lost and claimed.incident_id is not None and claimed.kind in STEP_KINDS:
            self._planner.hurry(connection, claimed.incident_id, now)

    async def _in_rows(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run database work in its one thread: the loop never waits for a disk."""
        return await asyncio.get_running_loop().run_in_executor(self._rows, function, *arguments)
