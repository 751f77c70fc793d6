"""The one way into the log for what the service itself says: ticks and control changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from ingest.log import Log, LogUnavailableError, Record

_log = structlog.get_logger()


class Journal:
    """Appends records and hands them on in the log's order.

    deliver : (last seq, records) → …  The runner.
    """

    def __init__(self, log: Log, deliver: Callable[[int, Sequence[Record]], Awaitable[None]]) -> None:
        self._log = log
        self._deliver = deliver
        self._said = False

    async def write(self, records: Sequence[Record]) -> int | None:
        """Append and deliver; None when the log cannot store now: the caller tries again later."""
        try:
            seq = await self._log.append(records)
        except LogUnavailableError as error:
            if not self._said:
                _log.error("time stands still for the rules until the log stores again", reason=str(error))
            self._said = True
            return None
        self._said = False
        await self._deliver(seq, records)
        return seq
