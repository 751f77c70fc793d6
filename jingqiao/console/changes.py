"""Tells open consoles that something changed: one cheap look a second for all of them, whoever wrote it.

The command line, answer links and the service itself write to the same database, so the database is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import sqlalchemy as sa
import structlog

from jingqiao.accounts.tables import audit
from jingqiao.database import reading
from jingqiao.incidents.tables import alarm_change, incident_transition, muted_alarm
from jingqiao.notify.tables import attempt, message, receipt, silence

LOOK_S: Final = 1.0
"""How often the database is asked [s]."""
BEAT_S: Final = 5.0
"""How often a console hears that all is as it was [s]."""

_log = structlog.get_logger()
_WATCHED: Final = (
    alarm_change,
    muted_alarm,
    incident_transition,
    message,
    attempt,
    receipt,
    silence,
    audit,
)
_RECENT: Final = 500
"""Attempts whose end is watched: the newest."""


class Changes:
    """A number that rises when something that people see has changed.

    version : int  Starts at 1.
    """

    def __init__(self, database: sa.Engine) -> None:
        self._database = database
        self._seen: tuple[int | None, ...] | None = None
        self._wake = asyncio.Event()
        self._closed = False
        self.version = 1

    async def run(self) -> None:
        """Look for ever, by wall time: it is people who look. Also while nobody listens: a page that was just
        drawn knows by the version whether anything happened before it began to listen.
        """
        while not self._closed:
            try:
                changed = await asyncio.to_thread(self.look)
            except sa.exc.SQLAlchemyError as error:
                _log.warning("consoles are not told of changes", reason=str(error).splitlines()[0])
            else:
                if changed:
                    self.announce()
            await asyncio.sleep(LOOK_S)

    def look(self) -> bool:
        """Ask the database once; True when something changed since the last look."""
        found = self.seen_now()
        changed = found != self._seen
        self._seen = found
        return changed

    def seen_now(self) -> tuple[int | None, ...]:
        """What changes with everything that people see: the newest rows. A look at some indexes."""
        newest = sa.select(sa.func.max(attempt.c.id)).scalar_subquery()
        ended = sa.select(sa.func.max(attempt.c.finished_at)).where(attempt.c.id > newest - _RECENT)
        query = sa.select(
            *(sa.select(sa.func.max(table.c.id)).scalar_subquery() for table in _WATCHED),
            ended.scalar_subquery(),
        )
        with reading(self._database) as connection:
            return tuple(connection.execute(query).one())

    def announce(self) -> None:
        """Wake whoever waits."""
        self.version += 1
        wake, self._wake = self._wake, asyncio.Event()
        wake.set()

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closed = True
        self._wake.set()

    async def stream(self) -> AsyncIterator[int]:
        """The version now, after every change, and every `BEAT_S` anyway; ends when the service ends."""
        while not self._closed:
            wake = self._wake
            yield self.version
            try:
                async with asyncio.timeout(BEAT_S):
                    await wake.wait()
            except TimeoutError:
                continue
