"""What other rules would have rung for, over a span of the archive: two backtests in a thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from threading import Lock, Thread
from typing import Any, Final

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
import structlog

from config.roster import Roster
from config.rules import RuleSet
from devices.registry import Assets, Registry, Sensors
from ingest.log import Control
from jingqiao.archive.contract import Archive, ArchiveUnavailableError
from jingqiao.backtest.compare import compare
from jingqiao.backtest.files import Sheet
from jingqiao.backtest.readings import bound, read_readings
from jingqiao.backtest.run import backtest
from jingqiao.backtest.told import messages
from jingqiao.database import reading
from jingqiao.dossier.tables import control_request

MOST_READINGS: Final = 2_000_000
MOST_S: Final = 120.0
"""Seconds that a preview may take; a longer span is for `jingqiao backtest` on another machine."""
KEPT: Final = 5

_log = structlog.get_logger()


class _StopError(Exception):
    """key : sentence of `console_city.rules.preview`."""

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = key, values
        super().__init__(key)


@dataclass(slots=True)
class Preview:
    """One preview. done, total : readings judged, of both runs. result : `compare`, with messages by person.

    trouble : sentence of `console_city.rules.preview` and its values, when it came to nothing.
    """

    id: int
    since: int
    until: int
    total: int = 0
    done: int = 0
    result: Mapping[str, Any] | None = None
    trouble: tuple[str, Mapping[str, object]] | None = None
    cancelled: bool = False

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.result is None and self.trouble is None


@dataclass(slots=True)
class Previews:
    """Runs one preview at a time; a new one ends the one before."""

    archive: Archive | None
    database: sa.Engine
    registry: Callable[[], Registry]
    roster: Callable[[], Roster]
    most_readings: int = MOST_READINGS
    _kept: dict[int, Preview] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def start(self, before: RuleSet, after: RuleSet, since: int, until: int) -> Preview:
        """Begin one. since, until : event time [µs]."""
        with self._lock:
            for other in self._kept.values():
                other.cancelled = True
            made = Preview(max(self._kept, default=0) + 1, since, until)
            self._kept[made.id] = made
            for old in list(self._kept)[:-KEPT]:
                del self._kept[old]
        Thread(target=self._run, args=(made, before, after), name="preview", daemon=True).start()
        return made

    def get(self, number: int) -> Preview | None:
        """One of the last few."""
        return self._kept.get(number)

    def _run(self, made: Preview, before: RuleSet, after: RuleSet) -> None:
        try:
            made.result = self._compared(made, before, after)
        except _StopError as error:
            made.trouble = (error.key, error.values)
        except ArchiveUnavailableError as error:
            made.trouble = ("unavailable", {"reason": str(error)})
        except Exception:
            _log.exception("a preview of rules failed; report this defect")
            made.trouble = ("defect", {})

    def _compared(self, made: Preview, before: RuleSet, after: RuleSet) -> Mapping[str, Any]:
        if self.archive is None:
            raise _StopError("no_archive")
        count = self.archive.count(made.since, made.until)
        if count == 0:
            raise _StopError("nothing")
        if count > self.most_readings:
            raise _StopError("too_many", count=count, most=self.most_readings)
        table = self.archive.readings(made.since, made.until)
        whole = self.registry()
        sensors = whole.sensor_indices(table["sensor_id"].unique().to_pylist())
        registry = part_of(whole, sensors[sensors >= 0])
        sheet = Sheet(table, lambda: np.arange(1, table.num_rows + 1, dtype=np.int64))
        frame = bound(read_readings(sheet, "archive"), registry, "archive").frame
        made.total = 2 * len(frame)
        deadline = time.monotonic() + MOST_S

        def progress(rows: int) -> None:
            made.done += rows
            if made.cancelled:
                raise _StopError("cancelled")
            if time.monotonic() > deadline:
                raise _StopError("too_long", seconds=MOST_S)

        controls = self._announced(made.since, made.until)
        first, second = (backtest(registry, rules, frame, controls, progress) for rules in (before, after))
        roster = self.roster()
        return {
            **compare(first.changes, second.changes),
            "readings": len(frame),
            "messages": {
                "first": messages(first.changes, registry, roster),
                "second": messages(second.changes, registry, roster),
            },
        }

    def _announced(self, since: int, until: int) -> list[Control]:
        query = (
            sa.select(control_request)
            .where(control_request.c.name.in_(("permit", "intervention")))
            .where(control_request.c.at < until)
            .order_by(control_request.c.at)
        )
        with reading(self.database) as connection:
            rows = connection.execute(query).mappings().all()
        return [Control(row["name"], dict(row["payload"]), max(row["at"], since)) for row in rows]


def part_of(registry: Registry, sensors: Any) -> Registry:
    """A registry of these sensors and of all others on their assets: a backtest of a few streets need not
    carry the city."""
    assets = np.unique(registry.sensors.asset[sensors])
    assets = assets[assets >= 0]
    rows = np.union1d(np.asarray(sensors, np.int64), np.flatnonzero(np.isin(registry.sensors.asset, assets)))
    new_row = np.full(len(registry.assets) + 1, -1, np.int32)
    new_row[assets] = np.arange(len(assets), dtype=np.int32)
    old, watch = registry.assets, registry.sensors
    return Registry(
        Assets(
            texts={name: column.take(pa.array(assets)) for name, column in old.texts.items()},
            **{f.name: getattr(old, f.name)[assets] for f in fields(Assets) if f.name != "texts"},
        ),
        Sensors(
            texts={name: column.take(pa.array(rows)) for name, column in watch.texts.items()},
            asset=new_row[watch.asset[rows]],
            **{
                f.name: getattr(watch, f.name)[rows]
                for f in fields(Sensors)
                if f.name not in ("texts", "asset")
            },
        ),
    )
