"""Keeps what each device says of itself: the latest word of a sensor, with the time at which it was said."""

from __future__ import annotations

from threading import Lock
from typing import Final

import numpy as np
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from devices.versions import Versions
from ingest.log import Control
from ingest.message import VERSIONS
from jingqiao.database import writing
from jingqiao.dossier.tables import device_versions

_log = structlog.get_logger()

SAME_US: Final = 3_600_000_000
"""How long a device may repeat itself before the time of its word is written anew [µs]."""
CHUNK: Final = 5_000
"""Rows of one statement."""


class DeviceBook:
    """Takes the log's `versions` controls and writes them into the database, off the way of the readings.

    A device that repeats itself in every message costs a look-up, no write. What the database cannot take
    now waits here; the log has it until the next engine snapshot, which is written after this book.
    """

    def __init__(self, database: sa.Engine) -> None:
        self._database = database
        self._lock = Lock()
        self._waiting: dict[int, tuple[Versions, int]] = {}
        self._known = np.zeros(0, np.int64)
        self._known_at = np.zeros(0, np.int64)
        self._failing = False

    def take(self, control: Control) -> None:
        """Take a control record of the log; others than `versions` say nothing here."""
        if control.name != VERSIONS:
            return
        for row, firmware, hardware, serial_number, at in control.payload["sensors"]:
            said = Versions(firmware, hardware, serial_number)
            if not self._repeats(row, said, at):
                with self._lock:
                    waiting = self._waiting.get(row)
                    if waiting is None or waiting[1] <= at:
                        self._waiting[row] = said, at

    def write(self) -> int:
        """Write what waits; how many sensors. May be called in any thread, one at a time."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return 0
        try:
            with writing(self._database) as connection:
                _upsert(connection, waiting)
        except SQLAlchemyError as error:
            with self._lock:
                self._waiting = {**waiting, **self._waiting}
            if not self._failing:
                _log.error(
                    "what devices say of their firmware waits for the database",
                    reason=str(error).splitlines()[0],
                )
            self._failing = True
            return 0
        self._failing = False
        return len(waiting)

    def _repeats(self, row: int, said: Versions, at: int) -> bool:
        """Whether a sensor said the same a short while ago; if not, that it says so now is noted."""
        if row >= len(self._known):
            more = max(row + 1, 2 * len(self._known)) - len(self._known)
            self._known = np.concatenate([self._known, np.zeros(more, np.int64)])
            self._known_at = np.concatenate([self._known_at, np.zeros(more, np.int64)])
        mark = hash(said)
        if self._known[row] == mark and at - self._known_at[row] < SAME_US:
            return True
        self._known[row], self._known_at[row] = mark, at
        return False


def _upsert(connection: sa.Connection, said: dict[int, tuple[Versions, int]]) -> None:
    """An older word never takes the place of a later one, and what a word leaves out stays."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    insert = dialect.insert(device_versions)
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["sensor_row"],
        set_={
            name: sa.case((new[name] != "", new[name]), else_=device_versions.c[name])
            for name in Versions._fields
        }
        | {"said_at": new.said_at},
        where=new.said_at >= device_versions.c.said_at,
    )
    rows = [{"sensor_row": row, **versions._asdict(), "said_at": at} for row, (versions, at) in said.items()]
    for start in range(0, len(rows), CHUNK):
        connection.execute(statement, rows[start : start + CHUNK])
