"""Messages that are pushed to us instead of heard: decoded, made durable, answered, then delivered.

The sender is answered when its messages are in the log, not when the rules have judged them. It pushes again
until it hears from us, so what it repeats is known and dropped: the same key and the same bytes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from devices.registry import Registry
from ingest.log import Log, Record
from ingest.message import DecodedBatch, Message
from ingest.pipeline import Counters, Decode, Deliver

KEPT: Final = 50_000
"""How many pushes are remembered."""

WINDOW_US: Final = 24 * 3600 * 1_000_000
"""How long they are remembered [µs]."""

WAITING: Final = 1000
"""Durable batches that may wait for the rules before no more are taken."""


class IntakeFullError(RuntimeError):
    """The rules are too far behind; whoever pushes shall come again."""


class Intake:
    """The way of pushed messages into the log.

    key : message → what its retry repeats, or None for one that cannot be told from a new one.
    deliver : as of `ingest.pipeline.Pipeline`; called by `run`, in order.
    """

    def __init__(
        self,
        log: Log,
        registry: Callable[[], Registry],
        decode: Decode,
        key: Callable[[Message], Hashable | None],
        deliver: Deliver,
    ) -> None:
        self.counters = Counters()
        self.repeated = 0
        self._log = log
        self._registry = registry
        self._decode = decode
        self._key = key
        self._deliver = deliver
        self._waiting: asyncio.Queue[tuple[int, Sequence[Record], DecodedBatch]] = asyncio.Queue()
        self._known: OrderedDict[Hashable, tuple[asyncio.Future[None], int]] = OrderedDict()

    async def run(self) -> None:
        """Deliver what was stored, until cancelled. Raises what `deliver` raises."""
        while True:
            stored = await self._waiting.get()
            try:
                await self._deliver(*stored)
            finally:
                self._waiting.task_done()

    async def settled(self) -> None:
        """Wait until everything that was stored has been delivered."""
        await self._waiting.join()

    async def take(self, messages: Sequence[Message]) -> None:
        """Store messages; when this returns they are durable, whoever pushed them first.

        Raises LogUnavailableError or IntakeFullError: then nothing of the call may be confirmed.
        """
        if self._waiting.qsize() >= WAITING:
            raise IntakeFullError
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        fresh: list[Message] = []
        keys: list[Hashable] = []
        others: list[asyncio.Future[None]] = []
        for message in messages:
            key = self._key(message)
            if key is not None:
                key = (key, hash(message.payload))
                if (known := self._known.get(key)) is not None:
                    self.repeated += 1
                    others.append(known[0])
                    continue
                self._known[key] = (stored, message.received)
                keys.append(key)
            fresh.append(message)
        try:
            if fresh:
                await self._store(fresh)
        except BaseException:
            for key in keys:
                del self._known[key]
            stored.cancel()  # whoever waits for the same message is told to push again, too
            raise
        stored.set_result(None)
        for other in others:
            await _shared(other)
        self._forget(messages[-1].received if messages else 0)

    async def _store(self, messages: Sequence[Message]) -> None:
        decoded = self._decode(messages, self._registry())
        records = decoded.records
        seq = await self._log.append(records, decoded.dead_letters)
        self._waiting.put_nowait((seq, records, decoded))
        counters = self.counters
        counters.batches += 1
        counters.messages += len(messages)
        counters.readings += len(decoded.frame)
        counters.notices += decoded.notices
        counters.unknown_keys += decoded.unknown_keys
        counters.dead_letters.update(letter.reason for letter in decoded.dead_letters)

    def _forget(self, now: int) -> None:
        while self._known:
            future, received = next(iter(self._known.values()))
            if len(self._known) <= KEPT and received > now - WINDOW_US:
                return
            if not future.done():
                return
            self._known.popitem(last=False)


async def _shared(stored: asyncio.Future[None]) -> None:
    try:
        await asyncio.shield(stored)
    except asyncio.CancelledError:
        if stored.cancelled():
            raise IntakeFullError from None
        raise
