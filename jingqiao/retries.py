"""What sensors sent before they were bound goes into the log as history, once the registry knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from devices.registry import UNKNOWN, Registry
from ingest.decode import Router
from ingest.envelopes.catalogue import routes
from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.log import Control, Record
from jingqiao.clock import Clock
from jingqiao.controls import RETRY, Asked, mark_taken, open_requests
from jingqiao.journal import Journal
from jingqiao.provisioning.discovery import known_by_now, put_through_again, sensor_of
from jingqiao.provisioning.letters import put_letters_through

_log = structlog.get_logger()

POLL_S: Final = 2.0


class Retries:
    """Takes the `retry` requests of the database.

    path : the log's file. registry : () → the registry that the engine has now.
    """

    def __init__(
        self,
        database: sa.Engine,
        path: Path,
        registry: Callable[[], Registry],
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._database = database
        self._path = path
        self._registry = registry
        self._journal = journal
        self._clock = clock
        self._looked_with: Registry | None = None

    async def run(self) -> None:
        """Step for ever."""
        while True:
            try:
                await self.step()
            except SQLAlchemyError as error:
                _log.error("back-fill waits for the database", reason=str(error).splitlines()[0])
            await self._clock.sleep(POLL_S)

    async def step(self) -> None:
        """Put through what was asked for and can be decoded now; what cannot yet waits for the next step."""
        for asked in await asyncio.to_thread(open_requests, self._database, retries=True):
            letters = [int(number) for number in asked.control.payload.get("letters", ())]
            if letters:
                if not await self._try_letters(asked, letters):
                    return
                continue
            ids = [str(sensor_id) for sensor_id in asked.control.payload.get("sensor_ids", ())]
            if (self._registry().sensor_indices(ids) == UNKNOWN).any():
                continue  # the registry that knows them is on its way
            seq = await self._put_through([asked.control], ids)
            if seq is None:
                return
            await asyncio.to_thread(mark_taken, self._database, [asked], seq)
        registry = self._registry()
        if registry is not self._looked_with and await self._look(registry):
            self._looked_with = registry

    async def _try_letters(self, asked: Asked, numbers: Sequence[int]) -> bool:
        """Try dead letters that somebody chose; False when the log cannot store now."""
        seq = await self._journal.write([asked.control])  # who asked, and when, stays in the log
        if seq is None:
            return False
        decode = Router(routes(SparkplugDecoder()))
        done = await put_letters_through(
            self._path, numbers, self._registry(), decode, self._journal.write, self._clock.now
        )
        if done is None:
            return False
        _log.info("dead letters were tried again", asked=len(numbers), used=done)
        await asyncio.to_thread(mark_taken, self._database, [asked], seq)
        return True

    async def _look(self, registry: Registry) -> bool:
        """Put through what waits of sensors that became known without a request: imported, or just before a
        crash. False when the log cannot store now."""
        known = await asyncio.to_thread(known_by_now, self._path, registry)
        words = [
            Control(RETRY, {"sensor_ids": [registry.sensor_id(sensor_of(registry, name))]}, newest)
            for name, newest in known.items()
        ]
        return not known or await self._put_through(words, list(known)) is not None

    async def _put_through(self, words: Sequence[Control], ids: Sequence[str]) -> int | None:
        """Where the words lie in the log; None when the log cannot store everything now.

        First the word that what follows is history: nobody is paged for what a sensor saw in a car.
        """
        seq = await self._journal.write(words)
        if seq is None:
            return None
        stored = True

        async def write(records: Sequence[Record]) -> int | None:
            nonlocal stored
            written = await self._journal.write(records)
            stored = written is not None
            return written

        # A decoder of its own: old Sparkplug messages must not disturb what the live one remembers.
        decode = Router(routes(SparkplugDecoder()))
        done = await put_through_again(self._path, ids, self._registry(), decode, write, self._clock.now)
        if done:
            _log.info("messages from before the binding are in the records", sensors=ids, messages=done)
        return seq if stored else None
