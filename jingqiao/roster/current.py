"""The roster of the moment: its file, and on it what people changed by command or console."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
import structlog

from config.roster import Roster
from jingqiao.clock import Clock
from jingqiao.database import reading
from jingqiao.roster.overrides import OverrideRow, overrides, with_overrides

POLL_S: Final = 2.0
"""How soon a change that another process made holds [s]."""

log = structlog.get_logger()


def current_roster(database: sa.Engine, base: Roster, now: int) -> Roster:
    """A roster's file with the changes that hold now or later; for commands."""
    with reading(database) as connection:
        return with_overrides(base, overrides(connection, now))


class CurrentRoster:
    """Keeps the roster of the running service.

    on_change : called when it is another one.
    """

    def __init__(
        self, database: sa.Engine, base: Roster, clock: Clock, on_change: Callable[[], None]
    ) -> None:
        self._database = database
        self._base = base
        self._clock = clock
        self._on_change = on_change
        self._rows: list[OverrideRow] = []
        self._roster = base
        self._look()

    def __call__(self) -> Roster:
        """The roster of the moment."""
        return self._roster

    def take(self, base: Roster) -> None:
        """The file has changed."""
        self._base = base
        self._look()
        self._roster = with_overrides(base, self._rows)
        self._on_change()

    async def run(self) -> None:
        """Step for ever."""
        while True:
            try:
                await asyncio.to_thread(self.step)
            except sa.exc.SQLAlchemyError:
                log.exception("changes of the roster cannot be looked at; trying again")
            await self._clock.sleep(POLL_S)

    def step(self) -> bool:
        """Take changes that people made meanwhile; whether there were any."""
        changed = self._look()
        if changed:
            self._on_change()
        return changed

    def _look(self) -> bool:
        with reading(self._database) as connection:
            rows = overrides(connection, self._clock.now())
        if rows == self._rows:
            return False
        self._rows = rows
        self._roster = with_overrides(self._base, rows)
        return True
