"""From the broker to the durable log: decode, store, acknowledge, deliver; in order, nothing lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from devices.registry import Registry
from ingest.log import Log, LogUnavailableError, Record, StrainBlock
from ingest.message import DecodedBatch, Message
from ingest.source import Batch, Source

_log = structlog.get_logger()

Deliver = Callable[[int, Sequence[Record], DecodedBatch], Awaitable[None]]
"""Called with the last sequence number, the records that were stored, and the batch they came from."""

Decode = Callable[[Sequence[Message], Registry], DecodedBatch]

_FIRST_RETRY_S: Final = 0.1
_MAX_RETRY_S: Final = 5.0
_COMPLAIN_EVERY_S: Final = 60.0


@dataclass(slots=True)
class Counters:
    """What went through, for metrics.

    lag_s : float  Age of the newest delivered batch when it was durable [s].
    log_unavailable : bool  The log cannot store now; nothing is acknowledged.
    """

    messages: int = 0
    readings: int = 0
    strain_blocks: int = 0
    acceleration_blocks: int = 0
    notices: int = 0
    unknown_keys: int = 0
    batches: int = 0
    log_failures: int = 0
    log_unavailable: bool = False
    lag_s: float = 0.0
    dead_letters: Counter[str] = field(default_factory=Counter)


class Pipeline:
    """One source's way into the log.

    While one batch is being made durable the next one is decoded; at most one append is under way, so
    that a log that fails and comes back can never store a later batch before an earlier one.

    registry : Callable[[], Registry]  The registry as it is now; asked once for every batch.
    decode : Messages → columns; pure but for the decoder's own state.
    deliver : Awaited for every batch in order, after it is durable and acknowledged.
    now : The clock's present [µs since 1970 UTC].
    """

    def __init__(
        self,
        source: Source,
        log: Log,
        registry: Callable[[], Registry],
        decode: Decode,
        deliver: Deliver,
        now: Callable[[], int],
    ) -> None:
        self.counters = Counters()
        self._source = source
        self._log = log
        self._registry = registry
        self._decode = decode
        self._deliver = deliver
        self._now = now
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`; then finish what is in flight, acknowledge it and disconnect.

        Raises what `deliver` raises: then nothing more is taken, and the broker keeps what comes.
        """
        storing: asyncio.Task[None] | None = None
        try:
            async for batch in self._source.batches():
                decoded = self._decode(batch.messages, self._registry())
                if storing is not None:
                    await storing
                storing = asyncio.create_task(self._store(batch, decoded), name="store-batch")
                storing.add_done_callback(self._stop_on_failure)
                await asyncio.sleep(0)  # let the append begin before the next batch is decoded
            if storing is not None:
                await storing
        finally:
            if storing is not None and not storing.done():
                storing.cancel()
                await asyncio.gather(storing, return_exceptions=True)
            await self._source.close()

    def _stop_on_failure(self, storing: asyncio.Task[None]) -> None:
        if not storing.cancelled() and storing.exception() is not None:
            self.stop()

    def stop(self) -> None:
        """Take no more batches; `run` then ends by itself, even while the log is unavailable."""
        self._stopping.set()
        self._source.stop()

    async def _store(self, batch: Batch, decoded: DecodedBatch) -> None:
        records = decoded.records
        seq = await self._append(records, decoded)
        if seq is None:
            return
        batch.ack()
        self._count(batch, decoded)
        await self._deliver(seq, records, decoded)

    async def _append(self, records: Sequence[Record], decoded: DecodedBatch) -> int | None:
        """Store until it succeeds; None when asked to stop meanwhile (then the broker keeps the messages)."""
        delay_s, complained_at = _FIRST_RETRY_S, -_COMPLAIN_EVERY_S
        loop = asyncio.get_running_loop()
        while True:
            try:
                seq = await self._log.append(records, decoded.dead_letters)
            except LogUnavailableError as error:
                self.counters.log_failures += 1
                self.counters.log_unavailable = True
                if loop.time() - complained_at >= _COMPLAIN_EVERY_S:
                    complained_at = loop.time()
                    _log.error(
                        "log.unavailable",
                        error=str(error),
                        sentence="The log cannot store. Nothing is acknowledged; the broker keeps what comes."
                        " Make room on the disk or repair it: the service goes on by itself.",
                    )
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay_s):
                        await self._stopping.wait()
                if self._stopping.is_set():
                    return None
                delay_s = min(delay_s * 2, _MAX_RETRY_S)
                continue
            if self.counters.log_unavailable:
                self.counters.log_unavailable = False
                _log.warning("log.available", sentence="The log stores again; acknowledging resumes.")
            return seq

    def _count(self, batch: Batch, decoded: DecodedBatch) -> None:
        counters = self.counters
        counters.batches += 1
        counters.messages += len(batch.messages)
        counters.readings += len(decoded.frame)
        strain = sum(isinstance(block, StrainBlock) for block in decoded.blocks)
        counters.strain_blocks += strain
        counters.acceleration_blocks += len(decoded.blocks) - strain
        counters.notices += decoded.notices
        counters.unknown_keys += decoded.unknown_keys
        for letter in decoded.dead_letters:
            counters.dead_letters[letter.reason] += 1
        if batch.messages:
            counters.lag_s = (self._now() - batch.messages[-1].received) / 1e6
