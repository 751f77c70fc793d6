"""Recall, delay and false alarms of the lid detectors: `python -m benchmarks.detection`.

Two kinds of simulated fleet. In the *stricken* one some 150 lids come to harm among faulty sensors, works,
storms and radio losses; it gives recall and delays. In the *healthy* one nothing happens but weather,
traffic, permits and faults; it gives false alarms per 1,000 lid-years. Tune on some seeds, report others.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

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
TICK_US = 1_800_000_000
LID_HAZARDS = frozenset(hazard.value for hazard in LidDetector.hazards)
FAULTS = Faults(drift=0.2, stuck=0.05, spike=2.0, noise=0.05, clock=0.1, wrong_setup=0.02)
RADIO = Radio(loss=0.02, duplicate=0.02, late=0.02)


def stricken(days: float = 75) -> Scenario:
    """Harm of every kind to lids of a city that is otherwise as usual."""
    rng = np.random.default_rng(5)

    def events(kind: str, count: int, first: float, last: float, **more: Any) -> list[Event]:
        return [
            Event(at=float(at), kind=kind, pick="random:1", **more)
            for at in rng.uniform(first * DAY_S, last * DAY_S, count)
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


def run(
    scene: Scenario, seed: int, n_lids: int, rules: RuleSet
) -> tuple[list[Alarm], OfflineFleet, dict[str, Any]]:
    """Play a scenario and judge it: (lid alarms, the fleet, figures)."""
    assets, sensors = synthetic_lids(n_lids, seed)
    registry = registry_of(assets, sensors)
    fleet = play(registry, scene, seed)
    frame = frame_of(fleet.readings, registry)
    controls = [
        Control("permit", {"asset_id": asset, "from": start, "to": end, "kind": kind, "note": note}, start)
        for asset, start, end, kind, note in sorted(fleet.permits, key=lambda p: p[1])
    ]
    engine = Engine(registry, rules, detectors(registry, rules.lid))
    began = time.perf_counter()
    changes = judge(engine, frame, controls)
    took = time.perf_counter() - began
    if engine.fault_count:
        sys.exit(f"the engine failed {engine.fault_count} times: {engine.faults[0]}")
    rows = [as_json(change, "en") for change in changes if not change.historical]
    alarms = [alarm for alarm in alarms_of(rows) if alarm.hazard in LID_HAZARDS]
    return alarms, fleet, {"readings": len(frame), "seconds": took}


def judge(engine: Engine, frame: Frame, controls: Sequence[Control]) -> list[AlarmChange]:
    """All changes, half an hour of readings at a time: holds end by event time whatever the cut."""
    changes: list[AlarmChange] = []
    waiting = list(controls)
    row = 0
    end = int(frame.time[0])
    while row < len(frame):
        end += TICK_US
        while waiting and waiting[0].at < end:
            control = waiting.pop(0)
            changes += engine.control(control.name, control.payload, control.at)
        stop = int(np.searchsorted(frame.time, end))
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
    """Recall and delay by hazard and what happened."""
    groups: dict[str, list[Found]] = {}
    for one in found:
        if one.event.hazard in LID_HAZARDS and one.event.required:
            kind = str(one.event.params.get("kind", ""))
            mode = str(one.event.params.get("mode") or one.event.params.get("curve") or one.event.severity)
            groups.setdefault(f"{one.event.hazard} ({kind} {mode})", []).append(one)
    rows = []
    for name, members in sorted(groups.items()):
        delays = np.array([m.delay_s for m in members if m.alarm])
        ahead = np.array([m.ahead_s for m in members if m.alarm])
        ahead = ahead[~np.isnan(ahead)]
        rows.append(
            {
                "what": name,
                "n": len(members),
                "found": len(delays),
                "median_s": round(float(np.median(delays)), 1) if len(delays) else None,
                "p90_s": round(float(np.percentile(delays, 90)), 1) if len(delays) else None,
                "ahead_p10_d": round(float(np.percentile(ahead, 10)) / DAY_S, 1) if len(ahead) else None,
            }
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="101-105", help="first-last of the stricken fleets")
    parser.add_argument("--healthy-seeds", default="201-203")
    parser.add_argument("--lids", type=int, default=500)
    parser.add_argument("--healthy-lids", type=int, default=1500)
    parser.add_argument("--spikes", type=float, default=FAULTS.spike, help="wild samples a sensor and year")
    parser.add_argument("--verbose", action="store_true", help="name misses and false alarms")
    options = parser.parse_args(arguments)
    found: list[Found] = []
    rules = RuleSet()
    false_stricken: Counter[tuple[str, str]] = Counter()
    for seed in _seeds(options.seeds):
        scene = stricken()
        alarms, fleet, figures = run(scene, seed, options.lids, rules)
        result = score(fleet.truth, alarms)
        found += result.found
        false_stricken.update((a.hazard, a.severity) for a in result.false)
        _tell(f"stricken {seed}", figures)
        if options.verbose:
            _name(result.false, (f for f in result.found if f.event.required and not f.alarm))
    false: Counter[tuple[str, str]] = Counter()
    years = 0.0
    for seed in _seeds(options.healthy_seeds):
        faults = FAULTS.model_copy(update={"spike": options.spikes})
        scene = healthy().model_copy(update={"faults": faults})
        alarms, fleet, figures = run(scene, seed, options.healthy_lids, rules)
        result = score(fleet.truth, alarms)
        false.update((a.hazard, a.severity) for a in result.false)
        years += options.healthy_lids * scene.days / 365.25
        _tell(f"healthy {seed}", figures)
        if options.verbose:
            _name(result.false, ())
    for row in table(found):
        print(json.dumps(row))
    print("false in stricken fleets:", dict(false_stricken))
    print("false in healthy fleets:", dict(false))
    for name, wanted in (("orange or red", PAGING), ("any", frozenset({"blue", "yellow", "orange", "red"}))):
        rate = Rate.of(sum(n for (_, colour), n in false.items() if colour in wanted), years)
        print(
            f"false alarms, {name}: {rate.count} in {years:.0f} lid-years = "
            f"{rate.per_thousand:.2f} per 1,000 (95 %: {rate.low:.2f}–{rate.high:.2f})"
        )


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _tell(name: str, figures: dict[str, Any]) -> None:
    rate = figures["readings"] / max(figures["seconds"], 1e-9)
    print(
        f"{name}: {figures['readings']} readings in {figures['seconds']:.1f} s = {rate:.0f}/s",
        file=sys.stderr,
    )


def _name(false: Iterable[Alarm], missed: Iterable[Found]) -> None:
    for alarm in false:
        print("  false", alarm.hazard, alarm.severity, alarm.sensor_ids, alarm.at, file=sys.stderr)
    for miss in missed:
        print(
            "  missed",
            miss.event.hazard,
            miss.event.sensor_ids,
            miss.event.onset,
            miss.event.params,
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
