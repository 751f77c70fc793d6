"""Recall, delay and false alarms of the lid detectors: `python -m benchmarks.detection`.

Two kinds of simulated fleet. In the *stricken* one some 150 lids come to harm among faulty sensors, works,
storms and radio losses; it gives recall and delays. In the *healthy* one nothing happens but weather,
traffic, permits and faults; it gives false alarms per 1,000 lid-years. Tune on some seeds, report others.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import beta

from config.rules import RuleSet
from devices.frame import Frame
from devices.registry import Registry
from ingest.log import Control
from jingqiao.backtest.files import Sheet
from jingqiao.backtest.readings import bound, read_readings
from jingqiao.backtest.view import as_json
from rules.alarm import AlarmChange
from rules.engine import Engine
from rules.lid import detectors
from rules.lid.detector import LidDetector
from simulator.offline import OfflineFleet, play, registry_of, synthetic_lids
from simulator.scenario import Cloudburst, Event, Faults, Radio, Scenario, Weather
from simulator.score import PAGING, Alarm, Found, Rate, alarms_of, score

START = "2026-03-01T00:00:00+08:00"
DAY_S = 86400.0
TWO_DAYS_S = 2 * DAY_S
FRAME_US = 6 * 3_600_000_000
"""Holds and silences end by event time whatever the cut, and large frames cost a tenth of small ones."""
EVENTS_FOR_LIDS = 300
"""So many lids are befallen by what `stricken` names once; larger fleets by more, in proportion."""
LID_HAZARDS = frozenset(hazard.value for hazard in LidDetector.hazards)
FAULTS = Faults(drift=0.2, stuck=0.05, spike=2.0, noise=0.05, clock=0.1, wrong_setup=0.02)
ALL_COLOURS = ("blue", "yellow", "orange", "red")
RADIO = Radio(loss=0.02, duplicate=0.02, late=0.02)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fleet, judged: its true events, false alarms, and lid-years."""

    name: str
    found: tuple[Found, ...]
    false: tuple[Alarm, ...]
    years: float
    readings: int
    seconds: float


def stricken(days: float = 75, times: float = 1) -> Scenario:
    """Harm of every kind to lids of a city that is otherwise as usual; `times` as many events."""
    rng = np.random.default_rng(5)

    def events(kind: str, count: int, first: float, last: float, **more: Any) -> list[Event]:
        return [
            Event(at=float(at), kind=kind, pick="random:1", **more)
            for at in rng.uniform(first * DAY_S, last * DAY_S, round(count * times))
        ]

    return Scenario(
        name="stricken",
        start=START,
        days=days,
        weather=Weather(cloudburst=(Cloudburst(at=30 * DAY_S, minutes=60, mm_per_h=70),)),
        radio=RADIO,
        faults=FAULTS,
        event=(
            *events("theft", 12, 3, days - 2, mode="lift"),
            *events("theft", 6, 3, days - 2, mode="flip"),
            *events("theft", 10, 3, days - 2, mode="drag"),
            *events("theft", 6, 3, days - 2, mode="lift", silence_after_s=20),
            *events("tilt", 20, 3, days - 2),
            *events("tilt", 8, 3, days - 2, minutes=240),
            *events("sink", 8, 8, 12, to_mm=25, days=60, curve="linear"),
            *events("sink", 8, 8, 12, to_mm=25, days=60, curve="accelerating"),
            *events("sink", 8, 8, days - 15, to_mm=30, days=10),
            *events("sink", 8, 5, days - 3, to_mm=22),
            *events("loose", 14, 10, days - 8, days=1),
            *events("loose", 10, 10, 30, days=30),
            *events("damage", 8, 10, days - 8),
            *events("flood", 14, 5, days - 3),
            *events("permit", 12, 5, days - 3),
            *events("roadworks", 12, 5, days - 3, hours=9),
        ),
    )


def healthy(days: float = 120) -> Scenario:
    """Nothing but weather, traffic, permits, works, radio and sensors that ail."""
    return Scenario(
        name="healthy",
        start=START,
        days=days,
        weather=Weather(
            cloudburst=(
                Cloudburst(at=20 * DAY_S, minutes=40, mm_per_h=50),
                Cloudburst(at=75.5 * DAY_S, minutes=90, mm_per_h=80),
            )
        ),
        radio=RADIO,
        faults=FAULTS,
        event=tuple(
            Event(at=day * DAY_S + 9 * 3600, kind=kind, pick="random:4")
            for day in range(6, int(days) - 2, 6)
            for kind in ("permit", "roadworks")
        ),
    )


def stricken_fleet(seed: int, n_lids: int) -> Outcome:
    """A fleet that comes to harm."""
    return run(f"stricken {seed}", stricken(times=n_lids / EVENTS_FOR_LIDS), seed, n_lids)


def healthy_fleet(seed: int, n_lids: int, spikes: float, received: bool = False) -> Outcome:
    """A fleet to which nothing happens; `spikes`: wild samples a sensor and year."""
    faults = FAULTS.model_copy(update={"spike": spikes})
    return run(f"healthy {seed}", healthy().model_copy(update={"faults": faults}), seed, n_lids, received)


def run(name: str, scene: Scenario, seed: int, n_lids: int, received: bool = False) -> Outcome:
    """Play a scenario, judge it by the shipped rules, score it."""
    began = time.perf_counter()
    assets, sensors = synthetic_lids(n_lids, seed)
    registry, rules = registry_of(assets, sensors), RuleSet()
    fleet = play(registry, scene, seed, received=received)
    frame = frame_of(fleet.readings, registry)
    engine = Engine(registry, rules, detectors(registry, rules.lid))
    changes = judge(engine, frame, controls_of(fleet))
    if engine.fault_count:
        sys.exit(f"the engine failed {engine.fault_count} times: {engine.faults[0]}")
    rows = [as_json(change, "en") for change in changes if not change.historical]
    alarms = [alarm for alarm in alarms_of(rows) if alarm.hazard in LID_HAZARDS]
    result = score(fleet.truth, alarms)
    years = n_lids * scene.days / 365.25
    return Outcome(name, result.found, result.false, years, len(frame), time.perf_counter() - began)


def controls_of(fleet: OfflineFleet) -> list[Control]:
    """Its permits as the log has them, by their beginning."""
    return [
        Control("permit", {"asset_id": asset, "from": start, "to": end, "kind": kind, "note": note}, start)
        for asset, start, end, kind, note in sorted(fleet.permits, key=lambda p: p[1])
    ]


def judge(engine: Engine, frame: Frame, controls: Sequence[Control]) -> list[AlarmChange]:
    """All changes, some hours of readings at a time."""
    changes: list[AlarmChange] = []
    waiting = list(controls)
    row = 0
    end = int(frame.received[0])
    while row < len(frame):
        end += FRAME_US
        while waiting and waiting[0].at < end:
            control = waiting.pop(0)
            changes += engine.control(control.name, control.payload, control.at)
        stop = int(np.searchsorted(frame.received, end))
        if stop > row:
            changes += engine.apply(frame.take(np.arange(row, stop)))
        changes += engine.tick(end)
        row = stop
    return changes


def frame_of(table: pa.Table, registry: Registry) -> Frame:
    """Readings by event time, as `jingqiao backtest` reads them from a file."""
    sheet = Sheet(table, lambda: np.arange(len(table), dtype=np.int64))
    return bound(read_readings(sheet, "simulated"), registry, "simulated").frame


def table(found: Iterable[Found]) -> list[dict[str, Any]]:
    """Recall and delay by hazard and what happened; apart, what no channel of a dead sensor could show."""
    groups: dict[str, list[Found]] = {}
    for one in found:
        params = one.event.params
        blind = ", all channels of its sensor dead" if "blind" in params else ""
        if one.event.hazard in LID_HAZARDS and (one.event.required or blind):
            kind = str(params.get("kind", ""))
            mode = str(params.get("mode") or params.get("curve") or one.event.severity)
            groups.setdefault(f"{one.event.hazard} ({kind} {mode}{blind})", []).append(one)
    return [row_of(name, members) for name, members in sorted(groups.items())]


def row_of(name: str, members: Sequence[Found]) -> dict[str, Any]:
    """Recall with the lower end of its 95 % interval (Clopper-Pearson), delays to a word and to paging.

    in_48h, in_48h_of_limit : share found within two days of the onset, or of passing the limit of what grows
        (15 mm sunk, 4 mm of play).
    """
    n, hits = max(len(members), 1), [m for m in members if m.alarm]
    least = float(beta.ppf(0.025, len(hits), n - len(hits) + 1)) if hits else 0.0
    delays, paged, ahead = (
        np.array([value for value in values if not np.isnan(value)])
        for values in ([m.delay_s for m in hits], [m.paged_s for m in hits], [m.ahead_s for m in hits])
    )

    def at(values: np.ndarray[Any, Any], share: float, unit: float = 1.0) -> float | None:
        return round(float(np.percentile(values, share)) / unit, 1) if len(values) else None

    return {
        "what": name,
        "n": n,
        "found": len(hits),
        "share": round(len(hits) / n, 4),
        "at_least": round(least, 4),
        "paged": len(paged),
        "median_s": at(delays, 50),
        "p90_s": at(delays, 90),
        "paged_median_s": at(paged, 50),
        "paged_p90_s": at(paged, 90),
        "ahead_p10_d": at(ahead, 10, DAY_S),
        "in_48h": round(float((delays <= TWO_DAYS_S).sum()) / n, 4),
        "in_48h_of_limit": round(float((ahead >= -TWO_DAYS_S).sum()) / n, 4) if len(ahead) else None,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="101-103", help="first-last of the stricken fleets; 1-0 = none")
    parser.add_argument("--healthy-seeds", default="301-302")
    parser.add_argument("--lids", type=int, default=3000, help="of each stricken fleet: half come to harm")
    parser.add_argument("--healthy-lids", type=int, default=3000)
    parser.add_argument("--spikes", type=float, default=FAULTS.spike, help="wild samples a sensor and year")
    parser.add_argument("--received", action="store_true", help="healthy fleets as a service has them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="fleets judged at a time")
    parser.add_argument("--verbose", action="store_true", help="name misses and false alarms")
    options = parser.parse_args(arguments)
    tasks = [partial(stricken_fleet, seed, options.lids) for seed in _seeds(options.seeds)]
    tasks += [
        partial(healthy_fleet, seed, options.healthy_lids, options.spikes, options.received)
        for seed in _seeds(options.healthy_seeds)
    ]
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        outcomes = []
        for outcome in pool.map(_call, tasks):
            _tell(outcome, options.verbose)
            outcomes.append(outcome)
    struck = [o for o in outcomes if o.name.startswith("stricken")]
    rest = [o for o in outcomes if o.name.startswith("healthy")]
    told = [found for o in struck for found in o.found]
    for row in table(told):
        print(json.dumps(row))
    for hazard in ("missing", "tilted", "flooded"):
        print(json.dumps(row_of(hazard, [f for f in told if f.event.hazard == hazard and f.event.required])))
    rain = [f for o in rest for f in o.found if f.event.hazard == "flooded" and f.event.required]
    print(json.dumps(row_of("flooded, in healthy fleets", rain)))
    for what, some in (("stricken", struck), ("healthy", rest)):
        false = [alarm for o in some for alarm in o.false]
        print(f"false in {what} fleets:", dict(Counter((a.hazard, a.severity) for a in false)))
        years = sum(o.years for o in some)
        for colours, wanted in (("orange or red", PAGING), ("any", frozenset(ALL_COLOURS))):
            rate = Rate.of(sum(a.severity in wanted for a in false), years)
            print(
                f"false alarms, {what}, {colours}: {rate.count} in {years:.0f} lid-years = "
                f"{rate.per_thousand:.2f} per 1,000 (95 %: {rate.low:.2f}–{rate.high:.2f})"
            )


def _call(task: partial[Outcome]) -> Outcome:
    return task()


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _tell(outcome: Outcome, names: bool) -> None:
    print(f"{outcome.name}: {outcome.readings} readings in {outcome.seconds:.0f} s", file=sys.stderr)
    if not names:
        return
    for alarm in outcome.false:
        print("  false", alarm.hazard, alarm.severity, alarm.sensor_ids, alarm.at, file=sys.stderr)
    for miss in outcome.found:
        event = miss.event
        if event.required and not miss.alarm and event.hazard in LID_HAZARDS:
            print("  missed", event.hazard, event.sensor_ids, event.onset, event.params, file=sys.stderr)


if __name__ == "__main__":
    main()
