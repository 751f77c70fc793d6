"""Readings in order of reception through the engine, with ticks when something is due between frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import Registry
from devices.strain import reduce_rows
from ingest.log import Control
from rules.alarm import AlarmChange, MutedAlarm
from rules.detector import FAR
from rules.engine import Engine
from rules.faults import EngineFault

FRAME_ROWS: Final = 100_000
ANNOUNCEMENTS: Final = frozenset({"permit", "intervention"})
"""Controls that say when work is done on an asset."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the engine said.

    muted : What announced work kept from being told; in no change.
    rows : int  Readings that were judged or found late, before the reduction of fast strain.
    """

    changes: list[AlarmChange]
    rows: int
    faults: list[EngineFault]
    fault_count: int
    muted: list[MutedAlarm]


def backtest(
    registry: Registry,
    rules: RuleSet,
    frame: Frame,
    controls: Sequence[Control] = (),
    progress: Callable[[int], None] = lambda _: None,
    block_s: float = 1.0,
) -> Result:
    """All changes of alarms over a frame in order of reception.

    controls : Sequence[Control]  By `at`; each takes effect before the readings of its moment.
    progress : called with the number of readings done since the last call.
    block_s : float  Length of the blocks to which fast strain is reduced [s].
    """
    engine = Engine(registry, rules)
    # A file often has the readings of a few sensors of a large registry: the others are not silent.
    changes = engine.control("await_first_word", {}, int(frame.received[0]) if len(frame) else 0)
    reduced = reduce_rows(frame, block_s) if "strain_ue" in frame.columns else frame
    # Blocks of fast strain come when they are over; all else when the file says that it was received.
    changes += play(engine, reduced, controls, progress, frame.received if reduced is frame else None)
    progress(len(frame) - len(reduced))
    return Result(changes, len(frame), engine.faults, engine.fault_count, engine.take_muted())


def play(
    engine: Engine,
    frame: Frame,
    controls: Sequence[Control] = (),
    progress: Callable[[int], None] = lambda _: None,
    clock: npt.NDArray[np.int64] | None = None,
) -> list[AlarmChange]:
    """Readings, controls and ticks in order; then holds that the last readings began are let end."""
    clock = frame.time if clock is None else clock
    changes = feed(engine, frame, controls, progress, clock)
    return changes + (engine.finish(int(clock[-1])) if len(frame) else [])


def feed(
    engine: Engine,
    frame: Frame,
    controls: Sequence[Control] = (),
    progress: Callable[[int], None] = lambda _: None,
    clock: npt.NDArray[np.int64] | None = None,
) -> list[AlarmChange]:
    """Readings and controls in order, with a tick whenever something is due before the next of them.

    clock : int64[n]  When each row comes, never earlier than the one before; None = at its event time [µs].
    """
    changes: list[AlarmChange] = []
    waiting = list(controls)
    time, n, row = frame.time if clock is None else clock, len(frame), 0
    reached, told = -1, -1
    if n:
        # Silence counts from the beginning of the file, not from the first word of each sensor.
        changes += engine.tick(int(time[0]))
        reached = int(time[0])
    while row < n:
        due = engine.due()
        if due <= reached:
            # Something to look at now. What is due unchanged after that waits for a reading or control.
            due, told = FAR if due == told else reached, due
        if waiting and waiting[0].at <= min(int(time[row]), due):
            control = waiting.pop(0)
            changes += engine.control(control.name, control.payload, control.at)
            reached, told = max(reached, control.at), -1
            continue
        if due <= int(time[row]):
            changes += engine.tick(due)
            reached = due
            continue
        stop = min(row + FRAME_ROWS, n)
        if engine.keeps_time:
            changes += _announce(engine, waiting, int(time[stop - 1]))
        rows = slice(row, stop)
        at = int(time[row])
        limit = engine.limit(frame.sensor[rows], frame.received[rows], frame.gateway[rows], at)
        limit = min(limit, waiting[0].at if waiting else FAR)
        stop = row + max(1, int(np.searchsorted(time[row:stop], limit)))
        whole = row == 0 and stop == n
        changes += engine.apply(frame if whole else _slice(frame, row, stop))
        progress(stop - row)
        row, reached, told = stop, int(time[stop - 1]), -1
    for control in waiting:
        changes += engine.control(control.name, control.payload, control.at)
    return changes


def _announce(engine: Engine, waiting: list[Control], until: int) -> list[AlarmChange]:
    """Tell of works that begin until then, up to any other control: they count by event time."""
    changes: list[AlarmChange] = []
    while waiting and waiting[0].name in ANNOUNCEMENTS and waiting[0].at <= until:
        control = waiting.pop(0)
        changes += engine.control(control.name, control.payload, control.at)
    return changes


def advance(engine: Engine, now: int) -> list[AlarmChange]:
    """Ticks whenever something is due, on to `now` [µs]."""
    changes: list[AlarmChange] = []
    ticked = -1
    while ticked < (due := engine.due()) <= now:
        changes += engine.tick(due)
        ticked = due
    return changes + engine.tick(now)


def _slice(frame: Frame, start: int, stop: int) -> Frame:
    rows = slice(start, stop)
    return Frame(
        frame.sensor[rows],
        frame.time[rows],
        frame.received[rows],
        frame.seq[rows],
        frame.flag[rows],
        {name: column[rows] for name, column in frame.columns.items()},
        frame.gateway[rows],
    )
