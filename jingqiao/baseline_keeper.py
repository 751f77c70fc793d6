"""Writes what the rules have learned of each sensor into the dossier, from the engine's snapshots."""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from jingqiao.clock import Clock
from jingqiao.dossier.baselines import BaselineBook

_log = structlog.get_logger()


class BaselineKeeper:
    """Never stands in the way of the snapshot that it reads: what fails is said and tried with the next."""

    def __init__(self, database: sa.Engine, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._book = BaselineBook(database)

    def note(self, snapshot: bytes) -> int:
        """Write down baselines that are new; returns how many. May be called in any thread, one at a time."""
        try:
            return self._book.note(snapshot, self._clock.now())
        except (SQLAlchemyError, ValueError, KeyError) as error:
            # What it knows may be ahead of what was stored now: read it anew.
            _log.error("learned baselines cannot be written into the dossier", reason=str(error))
            with suppress(SQLAlchemyError):
                self._book = BaselineBook(self._database)
            return 0
