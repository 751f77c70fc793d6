"""Score alarms against the truth: recall, precision, delay, false alarms with their Poisson interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from scipy.stats import chi2

from simulator.truth import TruthEvent, parse_time

NOTHING: Final = "nothing"

FINDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "missing": frozenset({"missing"}),
        "tilted": frozenset({"tilted", "missing"}),  # ajar is off its seat
        "sunken": frozenset({"sunken"}),
        "loose": frozenset({"loose"}),
        "damaged": frozenset({"damaged", "loose", "tilted", "sunken"}),
        "flooded": frozenset({"flooded"}),
        "silent": frozenset({"silent"}),
        "battery_low": frozenset({"battery_low"}),
        "sensor_fault": frozenset({"sensor_fault"}),
        "drift": frozenset({"drift"}),
        "overload": frozenset({"overload", "strain_limit"}),
        "strain_limit": frozenset({"strain_limit"}),
    }
)
"""What happened → alarms that find it."""

EXCUSED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "missing": frozenset({"tilted", "damaged", "loose", "silent"}),
        "tilted": frozenset({"damaged", "loose"}),
        "sunken": frozenset({"damaged", "tilted"}),
        "loose": frozenset({"damaged", "tilted"}),  # it does lean while a wheel stands on it
        "silent": frozenset({"battery_low", "sensor_fault"}),
        "battery_low": frozenset({"silent"}),
        "sensor_fault": frozenset({"silent"}),
        "drift": frozenset({"strain_limit"}),
        "overload": frozenset({"drift"}),
    }
)
"""What happened → alarms that do not find it, but are no false ones: a lid leans before it is gone."""

_WRONG_CLOCK: Final = "sensor_clock"

PAGING: Final = frozenset({"red", "orange"})
"""Severities that wake somebody."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One raised alarm: from firing to clear.

    at : int  When it happened by the sensors' time [µs].
    severity : str  The gravest colour that it had.
    clock_us : int  What the truth says that the sensor's clock was wrong by then [µs], negative = slow.
    graver : times, by the sensors, at which it became graver than it had been, and how grave [µs].
    colour : str  With which it began; "" = with the gravest.
    cleared : int | None  When it was over by the sensors' time [µs]; None = never, or not known.
    corrected : bool  The engine knew that the sensor's clock was slow: its times are right.
    """

    asset_id: str
    sensor_ids: tuple[str, ...]
    hazard: str
    severity: str
    at: int
    clock_us: int = 0
    graver: tuple[tuple[int, str], ...] = ()
    colour: str = ""
    cleared: int | None = None
    corrected: bool = False

    @property
    def really_at(self) -> int:
        """When the sensor measured what rang [µs]."""
        return self.at - self.clock_us

    @property
    def steps(self) -> tuple[tuple[int, str], ...]:
        """(when the sensor measured it [µs], colour) of its beginning and of each time it became graver."""
        whole = ((self.at, self.colour or self.severity), *self.graver)
        return tuple((at - self.clock_us, colour) for at, colour in whole)


@dataclass(frozen=True, slots=True)
class Rate:
    """Events over an exposure, with the exact 95 % Poisson interval (Garwood 1936).

    per_thousand, low, high : events per 1,000 years; NaN where the exposure is unknown.
    """

    count: int
    years: float
    per_thousand: float
    low: float
    high: float

    @classmethod
    def of(cls, count: int, years: float) -> Rate:
        """The rate of `count` events in `years`."""
        if not years > 0:
            return cls(count, years, np.nan, np.nan, np.nan)
        low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
        high = chi2.ppf(0.975, 2 * count + 2) / 2
        scale = 1000 / years
        return cls(count, years, count * scale, float(low * scale), float(high * scale))


@dataclass(frozen=True, slots=True)
class Found:
    """One true event and the first alarm that found it (None = missed).

    at : int | None  When that was said, or said graver, of it [µs]; None = missed, or the alarm of what
        befell the asset just before still stood.
    paged_at : int | None  When it was first orange or red [µs].
    """

    event: TruthEvent
    alarm: Alarm | None
    at: int | None = None
    paged_at: int | None = None

    @property
    def delay_s(self) -> float:
        """From onset to alarm [s]; NaN when missed or standing."""
        return np.nan if self.at is None else (self.at - self.event.onset) / 1e6

    @property
    def paged_s(self) -> float:
        """From onset to the first orange or red [s]; NaN when there was none."""
        return np.nan if self.paged_at is None else (self.paged_at - self.event.onset) / 1e6

    @property
    def ahead_s(self) -> float:
        """From alarm to the limit's crossing [s], positive = warned before; NaN when there is none."""
        limit = self.event.reaches_limit_at
        return np.nan if self.at is None or limit is None else (limit - self.at) / 1e6


@dataclass(frozen=True, slots=True)
class Score:
    """The outcome.

    found : every true event with what found it.
    false : alarms of which nothing is true.
    confusion : (what happened, what was said) → count; `NOTHING` on either side.
    """

    found: tuple[Found, ...]
    alarms: tuple[Alarm, ...]
    false: tuple[Alarm, ...]
    confusion: Mapping[tuple[str, str], int]
    lid_years: float

    def false_rate(self, severities: frozenset[str] | None = None) -> Rate:
        """False alarms per 1,000 lid-years, of all or of some severities."""
        counted = [a for a in self.false if severities is None or a.severity in severities]
        return Rate.of(len(counted), self.lid_years)


def score(
    truth: Sequence[TruthEvent],
    alarms: Sequence[Alarm],
    lid_years: float = np.nan,
    *,
    tolerance_s: float = 60.0,
    grace_s: float = 86_400.0,
) -> Score:
    """Match alarms to what happened to the same asset.

    Of a sensor whose clock the truth calls wrong (`sensor_clock`), and of no other, the alarm counts at the
    instant of measuring: its stated time less the clock's error, which is when the server receives it;
    unless the engine had corrected it (`clock_slow_s` in its evidence).
    An alarm that becomes graver says something anew: a yellow doubt of yesterday that turns red by the theft
    has found it. What befalls an asset again while the alarm of the same hazard, which was right, still
    stands is found by it.

    tolerance_s : an alarm may seem this much earlier than its cause: sensors' clocks err.
    grace_s : it may come this long after the hazard has ended (late messages), not later.
    """
    alarms = _by_true_clocks(truth, alarms)
    by_asset: dict[str, list[Alarm]] = {}
    for alarm in sorted(alarms, key=_order):
        by_asset.setdefault(alarm.asset_id, []).append(alarm)
    true: set[int] = set()
    found: dict[int, Found] = {}
    confusion: Counter[tuple[str, str]] = Counter()
    until: dict[tuple[str, str], float] = {}
    for number, event in sorted(enumerate(truth), key=lambda item: item[1].onset):
        low = event.onset - tolerance_s * 1e6
        high = np.inf if event.ended is None else event.ended + grace_s * 1e6
        candidates = _of_the_event(event, by_asset, alarms, low, high)
        finds = FINDS.get(event.hazard, frozenset({event.hazard}))
        related = finds | EXCUSED.get(event.hazard, frozenset())
        first = next((a for a in candidates if a.hazard in finds), None)
        said = first or next((a for a in candidates if a.hazard in related), None)
        if first is None and event.asset_id and until.get((event.asset_id, event.hazard), 0) >= event.onset:
            mine = by_asset.get(event.asset_id, ())
            first = said = next((a for a in mine if id(a) in true and _stands(a, finds, event.onset)), said)
        true.update(id(a) for a in candidates if a.hazard in related)
        if event.ended is not None:
            until[event.asset_id, event.hazard] = high
        found[number] = _found(event, first, low, high)
        if event.required or said:
            confusion[event.hazard, said.hazard if said else NOTHING] += 1
    false = tuple(a for a in alarms if id(a) not in true)
    for alarm in false:
        confusion[NOTHING, alarm.hazard] += 1
    return Score(tuple(found[n] for n in range(len(truth))), tuple(alarms), false, confusion, lid_years)


def _stands(alarm: Alarm, finds: frozenset[str], onset: int) -> bool:
    over = np.inf if alarm.cleared is None else alarm.cleared - alarm.clock_us
    return alarm.hazard in finds and alarm.really_at <= onset <= over


def _found(event: TruthEvent, alarm: Alarm | None, low: float, high: float) -> Found:
    """What was said of the event, and when."""
    steps = [] if alarm is None else [(at, colour) for at, colour in alarm.steps if low <= at <= high]
    paged = next((at for at, colour in steps if colour in PAGING), None)
    return Found(event, alarm, steps[0][0] if steps else None, paged)


def _order(alarm: Alarm) -> tuple[int, str]:
    """By time; what is raised at once by hazard, so that the order of the file does not matter."""
    return alarm.really_at, alarm.hazard


def _by_true_clocks(truth: Iterable[TruthEvent], alarms: Sequence[Alarm]) -> list[Alarm]:
    """The alarms; those of sensors whose clock the truth calls wrong at that moment know by how much."""
    wrong: dict[str, list[tuple[float, float, int]]] = {}
    for event in truth:
        if event.params.get("kind") == _WRONG_CLOCK:
            error = round(float(event.params["value"]) * 1e6)
            end = np.inf if event.ended is None else event.ended + error
            for sensor in event.sensor_ids:
                wrong.setdefault(sensor, []).append((event.onset + error, end, error))
    result = []
    for alarm in alarms:
        if alarm.corrected:
            result.append(alarm)
            continue
        # who gave an alarm of several sensors its time is not known: all must have the same clock's error
        errors = {_error_at(wrong.get(sensor, ()), alarm.at) for sensor in alarm.sensor_ids}
        result.append(replace(alarm, clock_us=errors.pop()) if len(errors) == 1 else alarm)
    return result


def _error_at(wrong: Iterable[tuple[float, float, int]], stated: int) -> int:
    """What a clock is wrong by [µs] when it states `stated`; errors that overlap add up."""
    return sum(error for start, end, error in wrong if start <= stated < end)


def _of_the_event(
    event: TruthEvent,
    by_asset: Mapping[str, list[Alarm]],
    alarms: Sequence[Alarm],
    low: float,
    high: float,
) -> list[Alarm]:
    """Alarms that can be about an event, by the time at which they first say something in [low, high].

    One without an asset is matched by its sensors.
    """
    if event.asset_id:
        mine = by_asset.get(event.asset_id, [])
    else:
        sensors = set(event.sensor_ids)
        mine = [a for a in alarms if sensors & set(a.sensor_ids)]
    said = {id(a): next((at for at, _ in a.steps if low <= at <= high), None) for a in mine}
    timely = [(at, alarm.hazard, alarm) for alarm in mine if (at := said[id(alarm)]) is not None]
    return [alarm for _, _, alarm in sorted(timely, key=lambda item: item[:2])]


_GRAVITY: Final = {"blue": 1, "yellow": 2, "orange": 3, "red": 4}


def alarms_of(rows: Iterable[Mapping[str, Any]]) -> list[Alarm]:
    """Alarms of `jingqiao backtest --json` or incidents of `incidents list --json`.

    Changes of one alarm (graver, milder) up to its clear are one alarm from its first event time on. Alarms
    found in back-filled data (`historical`) count like others. Raises ValueError that names the entry, its
    fault, and what would be right.
    """
    found: list[Alarm] = []
    open_at: dict[tuple[str, tuple[str, ...], str], int] = {}
    for number, row in enumerate(rows, 1):
        alarm = _alarm(number, row)
        sensors = alarm.sensor_ids
        key = (alarm.asset_id, () if alarm.asset_id else sensors, alarm.hazard)
        if "id" not in row and row.get("state") == "clear":
            over = open_at.pop(key, None)
            if over is not None:
                found[over] = replace(found[over], cleared=alarm.at)
            continue
        if "id" not in row and key in open_at:
            before = found[open_at[key]]
            together = tuple(dict.fromkeys((*before.sensor_ids, *sensors)))
            now = replace(before, sensor_ids=together, colour=before.colour or before.severity)
            if _GRAVITY[alarm.severity] > _GRAVITY[before.severity]:
                step = (alarm.at, alarm.severity)
                now = replace(now, severity=alarm.severity, graver=(*now.graver, step))
            found[open_at[key]] = now
        else:
            open_at[key] = len(found)
            found.append(alarm)
    return found


def _alarm(number: int, row: Mapping[str, Any]) -> Alarm:
    try:
        sensors = tuple(str(i) for i in row.get("sensor_ids") or ())
        colour = str(row["severity"])
        if colour not in _GRAVITY:
            raise ValueError(f"severity {colour} is none of {', '.join(_GRAVITY)}")
        asset = row["asset_id"]
        at = parse_time(row["event_at"])
        corrected = bool((row.get("evidence") or {}).get("clock_slow_s"))
        return Alarm(
            str(asset) if asset else "", sensors, str(row["hazard"]), colour, at, corrected=corrected
        )
    except KeyError as error:
        problem = f"{error.args[0]} is missing; give what `backtest --json` or `incidents list --json` prints"
    except ValueError as error:
        problem = str(error)
    except (TypeError, AttributeError):
        problem = "no alarm: an object with asset_id, sensor_ids, hazard, severity, event_at is needed"
    raise ValueError(f"entry {number}: {problem}")
