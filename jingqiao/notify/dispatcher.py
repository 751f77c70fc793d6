"""The dispatcher: keeps the courier busy; woken by commits, by rows that fall due, and by other processes.

Nothing here sleeps until something is due: every decision is a function of `now` and of the rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import sqlalchemy as sa
import structlog

from config.roster import Roster
from jingqiao.clock import Clock
from jingqiao.notify.courier import Courier, Ended, Job
from jingqiao.notify.planner import Planner
from jingqiao.notify.sender import Outcome, Receipt, Result, Sender

_SECOND_US: Final = 1_000_000
_POLL_S: Final = 0.5
"""Wall time after which rows are looked at without being woken: other processes write them too [s]."""

log = structlog.get_logger()


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
        lease_s: float = 30.0,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._workers = workers
        self._courier = Courier(database, roster, planner, round(lease_s * _SECOND_US))
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="send")
        self._rows = ThreadPoolExecutor(1, thread_name_prefix="outbox")
        self._flying: dict[asyncio.Task[None], Job] = {}
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: list[Ended] = []
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
                    due = await self._in_rows(self._courier.next_due)
                except sa.exc.OperationalError:
                    log.exception("the outbox cannot be read; trying again")
                    started, due = 0, None
                if not started:
                    await self._wait(due)
        finally:
            await self._settle_flying()  # not `close`: after a failure it is run again

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

    async def _start(self, now: int) -> int:
        """Plan due steps, claim what workers are free for, send it; how many messages that was."""
        jobs = await self._in_rows(self._courier.take, now, self._free(), list(self._flying.values()))
        for job in jobs:
            task = asyncio.create_task(self._fly(job))
            self._flying[task] = job
            task.add_done_callback(self._landed)
        return len(jobs)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.pop(task, None)
        self._woken.set()
        error = None if task.cancelled() else task.exception()
        if error is not None:  # the row's lease ends, then the provider is asked what became of it
            log.error("what became of a message could not be written down", error=repr(error))

    async def _fly(self, job: Job) -> None:
        result: Outcome | Receipt | None
        try:
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._threads, job.run, self._sender)
        except Exception as error:
            log.exception("a sender broke", channel=job.channel.name if job.channel else "")
            broken = Outcome(Result.UNKNOWN, type(error).__name__, "the sender broke")
            result = broken if job.ask_about is None else None
        self._ended.append(Ended(job, result, self._clock.now()))
        if self._recording is None:
            self._recording = asyncio.create_task(self._record_all())
        await asyncio.shield(self._recording)

    async def _record_all(self) -> None:
        """Write down everything that ended, as many as there are in one transaction."""
        try:
            while self._ended:
                batch, self._ended = self._ended, []
                try:
                    await self._in_rows(self._courier.record, batch)
                except Exception:
                    log.exception("one of several outcomes could not be written down; each is tried alone")
                    await self._record_each(batch)
        finally:
            self._recording = None

    async def _record_each(self, batch: list[Ended]) -> None:
        for ended in batch:
            try:
                await self._in_rows(self._courier.record, [ended])
            except Exception:  # its lease ends, then the provider is asked what became of it
                log.exception("what became of a message could not be written down")

    async def _in_rows(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run database work in its one thread: the loop never waits for a disk."""
        return await asyncio.get_running_loop().run_in_executor(self._rows, function, *arguments)
