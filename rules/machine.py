"""The alarm state machine: verdicts in, settled levels out; one for all detectors.

A lane is one hazard as one detector judges it. For every lane a dense byte a sensor holds the settled
level, so that a verdict which changes nothing costs one comparison inside numpy. Whatever is on its way
(holding before it fires or clears, remembered under a maintenance window) has a cell in a sparse
dictionary; its byte is then BUSY, which no verdict equals.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rules.after_work import ASK_THE_CREW, DOUBTED, REASON, doubted_until
from rules.alarm import Hazard
from rules.cell import Cell, cells, columns, unmuted, window_ends
from rules.detector import BUSY, FAR, NO_OPINION, ON_ITS_WAY, Verdicts

SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LaneHold:
    """Holds of one hazard [µs].

    fire : tuple[int, ...]  By level 0–4; that of level 0 is not used.
    clear : int  Before a level falls.
    """

    fire: tuple[int, ...]
    clear: int


class Transition(NamedTuple):
    """A settled level that changed.

    due : int  Deadline whose passing decided it [µs]; 0 = a verdict did, there and then.
    level : int  New settled level, 0 = clear.
    at : int  When what it says began, by event time [µs].
    decided : int  When it was decided [µs].
    reason : int  Row of the detector's reasons.
    """

    due: int
    lane: int
    sensor: int
    level: int
    at: int
    decided: int
    value: float
    limit: float
    reason: int


class Said(NamedTuple):
    """One verdict on one sensor, out of its columns."""

    level: int
    time: int
    value: float
    limit: float
    reason: int


class KeptBack(NamedTuple):
    """A transition that a maintenance window kept from being told.

    transition : Transition  As it would have been told; level 0 = no graver any more than what was told.
    time : int  When it would have been told, by the time that the window was asked for [µs].
    before : int  Level until then.
    """

    transition: Transition
    time: int
    before: int


MutedUntil = Callable[[int, int, int], int]
"""(lane, sensor, event time) → end of the maintenance window that it falls in, later than that time, or 0."""


BeatOf = Callable[[int, int], tuple[int, bool]]
"""(lane, sensor) → usual time between its messages [µs], 0 = unknown, and whether the one at hand came when
the schedule says."""


MayBeMuted = Callable[[int, int, int], bool]
"""(lane, sensor, event time) → whether any maintenance window ends after that."""


class Machine:
    """Alarm states of all lanes.

    lanes : Sequence[Hazard]  Hazard of each lane; two lanes may be of one hazard.
    holds : Sequence[LaneHold]  By lane.
    muted_until : MutedUntil  Maintenance windows.
    beat_of : BeatOf  What is doubted of the last word under a window goes by it.
    may_be_muted : MayBeMuted  Whether a window may concern what is said from a time on.
    """

    def __init__(
        self,
        lanes: Sequence[Hazard],
        holds: Sequence[LaneHold],
        n_sensors: int,
        muted_until: MutedUntil,
        beat_of: BeatOf = lambda *_: (0, False),
        may_be_muted: MayBeMuted = lambda *_: False,
    ) -> None:
        self.lanes = tuple(lanes)
        self.holds = tuple(holds)
        self._muted_until = muted_until
        self._beat_of = beat_of
        self._may_be_muted = may_be_muted
        self._level = [np.zeros(n_sensors, np.int8) for _ in self.lanes]
        self._cells: dict[tuple[int, int], Cell] = {}
        self._heaps: list[list[tuple[int, int]]] = [[] for _ in self.lanes]
        self._kept_back: list[KeptBack] = []

    def grow(self, n_sensors: int) -> None:
        """Make room for more sensors."""
        for lane, level in enumerate(self._level):
            if n_sensors > len(level):
                self._level[lane] = np.concatenate([level, np.zeros(n_sensors - len(level), np.int8)])

    def settled(self, lane: int, sensor: int) -> int:
        """Announced level of a sensor in a lane."""
        level = int(self._level[lane][sensor])
        return self._cells[lane, sensor].settled if level == BUSY else level

    def cell(self, lane: int, sensor: int) -> Cell | None:
        """What is on its way there, or None."""
        return self._cells.get((lane, sensor))

    def held(self, lanes: Sequence[int], sensors: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
        """int8[lanes, k]  Announced levels of sensors in some lanes; BUSY = something is on its way."""
        return np.stack([self._level[lane].take(sensors) for lane in lanes])

    def underway(
        self, lanes: Sequence[int], sensors: npt.NDArray[Any], time: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
        """As `held`, but ON_ITS_WAY + a level where hearing that again changes nothing but its value.

        time : int64[k]  Event time of the next word of each [µs].
        Returns int8[lanes, k], and int64[k] up to which event time that is so [µs].
        """
        held = self.held(lanes, sensors)
        ends = np.full(len(sensors), FAR, np.int64)
        if not self._cells:
            return held, ends
        for row, i in zip(*np.nonzero(held == BUSY), strict=True):
            lane, sensor = lanes[row], int(sensors[i])
            cell, at = self._cells[lane, sensor], int(time[i])
            over = self._hold_ends(lane, cell, by_event=True)
            plain = cell.target >= 0 and cell.muted < 0 and cell.unmuted is None and cell.owed_at == FAR
            if (
                plain
                and cell.latest == cell.target
                and over > at
                and not self._may_be_muted(lane, sensor, at)
            ):
                held[row, i] = ON_ITS_WAY + cell.target
                ends[i] = min(int(ends[i]), over)
        return held, ends

    def deadlines(self, lanes: Sequence[int], sensors: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """int64[k]  When the passing of time next does something for each sensor in some lanes [µs]."""
        due = np.full(len(sensors), FAR, np.int64)
        if not self._cells:
            return due
        for row, i in zip(*np.nonzero(self.held(lanes, sensors) == BUSY), strict=True):
            lane, sensor = lanes[row], int(sensors[i])
            due[i] = min(int(due[i]), self._due(lane, self._cells[lane, sensor]))
        return due

    def take_kept_back(self) -> Sequence[KeptBack]:
        """What windows kept from being told since this was last asked."""
        if not self._kept_back:
            return ()
        kept, self._kept_back = self._kept_back, []
        return kept

    def judge(self, lane: int, verdicts: Verdicts, now_of: Callable[[int], int]) -> Iterator[Transition]:
        """Take verdicts; yield what they settle.

        now_of : sensor → the server's time when its verdict came [µs].
        """
        level, held = verdicts.level, self._level[lane][verdicts.sensor]
        differs = level != held
        if not np.count_nonzero(differs):
            return
        # A verdict without an opinion is still time that has passed for what is on its way.
        rest = np.flatnonzero(differs & ((level != NO_OPINION) | (held == BUSY)))
        for i in rest.tolist():
            sensor = int(verdicts.sensor[i])
            said = Said(
                int(level[i]),
                int(verdicts.time[i]),
                float(verdicts.value[i]),
                float(verdicts.limit[i]),
                int(verdicts.reason[i]),
            )
            yield from self.step(lane, sensor, said, now_of(sensor))

    def step(self, lane: int, sensor: int, said: Said, now: int) -> Iterator[Transition]:
        """Take one verdict. What was due before it, by the server's time or by event time, comes first."""
        cell = self._cells.get((lane, sensor))
        if cell is None:
            cell = Cell(int(self._level[lane][sensor]))
        else:
            yield from self._complete(lane, sensor, cell, now, now, by_event=False)
            yield from self._complete(lane, sensor, cell, said.time, now, by_event=True)
        if said.level == NO_OPINION:
            if cell.muted > 0:
                self._note_word(lane, sensor, cell, said.time)
        else:
            cell.owed_at = FAR
            until = self._muted_until(lane, sensor, said.time)
            if until:
                if cell.unmuted is None:
                    cell.unmuted = unmuted(cell)
                if said.level > 0:
                    self._note_word(lane, sensor, cell, said.time)
                cell.muted, cell.until, cell.muted_reason = said.level, until, said.reason
                cell.muted_known = now
                cell.muted_value, cell.muted_limit = said.value, said.limit
                before = cell.unmuted.settled
                for transition in self._apply(lane, sensor, cell.unmuted, said, now, 0):
                    self._keep_back(cell, transition, said.time, before)
                if until <= now:
                    # The work is over by the time that its word is heard: the word's own row says so.
                    for transition in self._complete(lane, sensor, cell, now, now, by_event=False):
                        yield transition._replace(due=0)
            else:
                cell.muted, cell.unmuted = -1, None
                yield from self._apply(lane, sensor, cell, said, now, 0)
        self._keep(lane, sensor, cell)

    def tick(self, now: int, lanes: Sequence[int] | None = None) -> Iterator[Transition]:
        """Complete whatever is due by `now`, in the order and at the time in which it became due.

        lanes : Sequence[int] | None  In these lanes; None = in all.
        """
        while (earliest := self._earliest(lanes)) is not None and earliest[0] <= now:
            due, lane, sensor = earliest
            heapq.heappop(self._heaps[lane])
            yield from self._let_pass(lane, sensor, due)

    def pass_time(self, lanes: Sequence[int], sensor: int, now: int) -> Iterator[Transition]:
        """Complete what is due by `now` for one sensor in some lanes, as a tick at that moment would have."""
        for lane in lanes:
            while (cell := self._cells.get((lane, sensor))) and (due := self._due(lane, cell)) <= now:
                yield from self._let_pass(lane, sensor, due)

    def due(self, lanes: Sequence[int] | None = None) -> int:
        """Earliest time at which `tick` may do something [µs]; FAR = never."""
        earliest = self._earliest(lanes)
        return FAR if earliest is None else earliest[0]

    def cells(self) -> Iterator[tuple[int, int, Cell]]:
        """(lane, sensor, cell) of all that is on its way."""
        for (lane, sensor), cell in self._cells.items():
            yield lane, sensor, cell

    def snapshot(self) -> dict[str, npt.NDArray[Any]]:
        """All state as named arrays."""
        others = {key: cell.unmuted for key, cell in self._cells.items() if cell.unmuted is not None}
        return {
            **{f"level.{lane}": level for lane, level in enumerate(self._level)},
            **columns("key", "cell.", self._cells),
            **columns("unmuted_key", "unmuted.", others),
        }

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """The state that `snapshot` gave. Raises ValueError when it is of other lanes."""
        try:
            self._level = [np.array(state[f"level.{lane}"], np.int8) for lane in range(len(self.lanes))]
            self._cells = cells("key", "cell.", state)
            # A snapshot of an earlier version has none: they begin with the next word.
            others = cells("unmuted_key", "unmuted.", state) if "unmuted_key" in state else {}
            for key, cell in others.items():
                self._cells[key].unmuted = cell
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a state of this alarm machine: {error}") from error
        self._heaps = [[] for _ in self.lanes]
        for (lane, sensor), cell in self._cells.items():
            heapq.heappush(self._heaps[lane], (self._due(lane, cell), sensor))

    def _earliest(self, lanes: Sequence[int] | None) -> tuple[int, int, int] | None:
        """(due, lane, sensor) of what is due first."""
        heads = []
        for lane in range(len(self.lanes)) if lanes is None else lanes:
            heap = self._heaps[lane]
            while heap:
                due, sensor = heap[0]
                cell = self._cells.get((lane, sensor))
                if cell is not None and self._due(lane, cell) == due:
                    heads.append((due, lane, sensor))
                    break
                heapq.heappop(heap)
        return min(heads, default=None)

    def _let_pass(self, lane: int, sensor: int, due: int) -> Iterator[Transition]:
        cell = self._cells[lane, sensor]
        yield from self._complete(lane, sensor, cell, due, due, by_event=False)
        self._keep(lane, sensor, cell)

    def _hold(self, lane: int, cell: Cell) -> int:
        hold = self.holds[lane]
        return hold.fire[cell.target] if cell.target > cell.settled else hold.clear

    def _due(self, lane: int, cell: Cell) -> int:
        """When a tick has something to do for a cell [µs]."""
        holds_end = (self._hold_ends(lane, it, by_event=False) for it in (cell, cell.unmuted))
        return min(*holds_end, window_ends(cell), cell.owed_at)

    def _hold_ends(self, lane: int, cell: Cell | None, *, by_event: bool) -> int:
        if cell is None or cell.target < 0:
            return FAR
        return (cell.since if by_event else cell.known) + self._hold(lane, cell)

    def _keep(self, lane: int, sensor: int, cell: Cell) -> None:
        key = (lane, sensor)
        if cell.target < 0 and cell.muted < 0 and cell.owed_at == FAR:
            self._cells.pop(key, None)
            self._level[lane][sensor] = cell.settled
            return
        self._cells[key] = cell
        self._level[lane][sensor] = BUSY
        heapq.heappush(self._heaps[lane], (self._due(lane, cell), sensor))

    def _complete(
        self, lane: int, sensor: int, cell: Cell, time: int, now: int, *, by_event: bool
    ) -> Iterator[Transition]:
        """Settle holds and windows that ended at or before `time`, in their order."""
        while True:
            known = window_ends(cell)
            over = cell.until if by_event and cell.muted >= 0 else known
            hold_ends = self._hold_ends(lane, cell, by_event=by_event)
            unmuted_ends = self._hold_ends(lane, cell.unmuted, by_event=by_event)
            if min(over, hold_ends, unmuted_ends, cell.owed_at) > time:
                return
            if cell.owed_at <= min(over, hold_ends, unmuted_ends):
                yield from self._pay(lane, sensor, cell, by_event=by_event)
                continue
            if cell.unmuted is not None and unmuted_ends < over and unmuted_ends <= hold_ends:
                before = cell.unmuted.settled
                due = 0 if by_event else unmuted_ends
                transition = self._hold_over(lane, sensor, cell.unmuted, unmuted_ends, now, due)
                self._keep_back(cell, transition, unmuted_ends, before)
                continue
            if over <= hold_ends:
                longer = self._muted_until(lane, sensor, cell.until)
                if longer:
                    cell.until = longer
                    continue
                verdict = self._last_word(lane, cell)
                cell.muted, cell.unmuted = -1, None
                yield from self._apply(lane, sensor, cell, verdict, known, 0 if by_event else known)
                continue
            until = self._muted_until(lane, sensor, hold_ends)
            if until:
                # It began before the window and would settle inside it: now the window decides.
                if cell.muted < 0:
                    cell.unmuted = unmuted(cell)
                    cell.muted, cell.until, cell.muted_reason = cell.latest, until, cell.reason
                    cell.muted_known = now if by_event else hold_ends
                    cell.muted_value, cell.muted_limit = cell.value, cell.limit
                    cell.repeat = cell.beat = 0
                cell.target = -1
                continue
            yield self._hold_over(lane, sensor, cell, hold_ends, now, 0 if by_event else hold_ends)

    def _note_word(self, lane: int, sensor: int, cell: Cell, time: int) -> None:
        """The sensor speaks under a window; what it said before still holds."""
        cell.repeat = time - cell.word if cell.muted > 0 else 0
        cell.word = time
        cell.beat, cell.sampled = self._beat_of(lane, sensor)

    def _last_word(self, lane: int, cell: Cell) -> Said:
        """What counts now that the window is over; where it is doubted, the rest is owed."""
        said = Said(cell.muted, cell.until, cell.muted_value, cell.muted_limit, cell.muted_reason)
        known = max(int(ASK_THE_CREW), cell.settled)
        if said.level <= known or self.lanes[lane] not in DOUBTED:
            return said
        until = doubted_until(cell.word, cell.repeat, cell.beat, cell.until, sampled=bool(cell.sampled))
        if until <= window_ends(cell):
            return said
        cell.owed, cell.owed_at = said.level, until
        return said._replace(level=known, reason=REASON)

    def _pay(self, lane: int, sensor: int, cell: Cell, *, by_event: bool) -> Iterator[Transition]:
        """Nothing was heard in time: the last word under the window is believed, unless there is another."""
        due, cell.owed_at = cell.owed_at, FAR
        until = self._muted_until(lane, sensor, due)
        if until:
            cell.unmuted = unmuted(cell)
            cell.muted, cell.until, cell.muted_known = cell.owed, until, due
            cell.repeat = cell.beat = 0
            return
        said = Said(cell.owed, due, cell.muted_value, cell.muted_limit, cell.muted_reason)
        yield from self._apply(lane, sensor, cell, said, due, 0 if by_event else due)

    def _hold_over(self, lane: int, sensor: int, cell: Cell, ends: int, decided: int, due: int) -> Transition:
        transition = self._settle(lane, sensor, cell, decided, due)
        if cell.latest < cell.settled:
            cell.target, cell.since, cell.known = cell.latest, ends, ends
        return transition

    def _keep_back(self, cell: Cell, transition: Transition, time: int, before: int) -> None:
        """Note what people would have been told: what is graver than what they know, and its end."""
        if transition.level > cell.settled:
            self._kept_back.append(KeptBack(transition, time, before))
        elif before > cell.settled:
            self._kept_back.append(KeptBack(transition._replace(level=0), time, before))

    def _settle(self, lane: int, sensor: int, cell: Cell, decided: int, due: int) -> Transition:
        cell.settled, cell.target = cell.target, -1
        return Transition(
            due, lane, sensor, cell.settled, cell.since, decided, cell.value, cell.limit, cell.reason
        )

    def _apply(
        self, lane: int, sensor: int, cell: Cell, said: Said, known: int, due: int
    ) -> Iterator[Transition]:
        """Let a verdict that no window mutes act on a cell."""
        level = said.level
        if level == cell.settled:
            cell.target = -1
            return
        rises = level > cell.settled
        if cell.target < 0 or (cell.target > cell.settled) != rises:
            cell.since, cell.known, cell.target = said.time, known, level
        elif rises:
            cell.target = level
        else:
            # It falls only as far as to the gravest that was seen during the hold.
            cell.target = max(cell.target, level)
        cell.latest = level
        if cell.target == level:
            cell.value, cell.limit, cell.reason = said.value, said.limit, said.reason
        if rises and cell.settled > 0:
            # It fires already: a graver look is told at once.
            cell.since = said.time
            yield self._settle(lane, sensor, cell, known, due)
        elif self._hold(lane, cell) == 0:
            yield self._settle(lane, sensor, cell, known, due)
