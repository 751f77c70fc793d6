"""Score the bridge's detectors on synthetic series with known truth: `python benchmarks/bridge_scoring.py`.

Prints Markdown tables for docs/detection-bridge.md. Seeds from `--seed` on; none of them was used for tuning
when it is 100 or more.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from rules.alarm import AlarmChange, AlarmState, Hazard
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import (
    SECOND_US,
    START_US,
    DayRecord,
    Event,
    day_registry,
)
from tests.support.bridge_worlds import World, firings, world
from tests.support.bridge_years import COMMON, GAUGES, RHO, SIGMA_UE, Move, Years, years


def at_s(change: AlarmChange) -> float:
    return (change.event_at - START_US) / SECOND_US


def firing(changes: Sequence[AlarmChange]) -> list[AlarmChange]:
    return [c for c in of(list(changes), Hazard.DRIFT) if c.state is AlarmState.FIRING]


def poisson(count: int, exposure: float) -> str:
    """Rate with its 95 % interval."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(0.975, 2 * count + 2) / 2
    return f"{count / exposure:.3f} ({low / exposure:.3f}–{high / exposure:.3f})"


def minutes(records: int, seed: int) -> None:
    """Records of 4 h, 4 gauges: quiet, with a standing load, with a settlement of ±30 µε."""
    rng = np.random.default_rng(seed)
    false = {"warm day, traffic": 0, "standing load of 1–9.5 min, 15–120 µε": 0}
    delays: list[tuple[float, float]] = []
    for number in range(records):
        world = {
            "swing_c": rng.uniform(3, 15),
            "sun_ue": rng.uniform(0, 60),
            "cloud_ue": rng.uniform(0, 6),
            "noise_ue": rng.uniform(0.5, 3),
            "wander_ue": rng.uniform(0.3, 2),
            "vehicles_an_hour": rng.uniform(10, 172),
            "vehicle_ue": rng.uniform(10, 60),
            "beta_most": rng.uniform(2, 12),
        }
        load = Event(
            rng.uniform(2400, 10_000),
            rng.uniform(5, 60),
            {g: rng.uniform(15, 120) * rng.choice([-1, 1]) for g in range(4)},
            stay_s=rng.uniform(60, 500),
        )
        rise = (30.0, 180.0, 300.0, 420.0, 600.0)[number % 5]
        sides = dict(enumerate(rng.uniform(-20, 20, 4)))
        sides[int(rng.integers(4))] = 30.0 * rng.choice([-1, 1])
        sinks = Event(rng.uniform(2400, 10_000), rise, sides)
        for name, events in (*zip(false, ((), (load,)), strict=True), ("settlement", (sinks,))):
            record = DayRecord(events=events, **world)
            found = firing(run(bridge_engine(day_registry()), record.frame(seed * 1000 + number), 240))
            if name in false:
                false[name] += len(found) > 0
            else:
                times = [at_s(c) for c in found if at_s(c) > sinks.start_s]
                delays.append((rise, times[0] - sinks.start_s - rise if times else np.inf))
    print("| record (4 h, 4 gauges) | records | with a false drift |\n|---|---|---|")
    for name, count in false.items():
        print(f"| {name} | {records} | {count} |")
    print("\n| settlement of 30 µε that takes | n | within 5 min of its end | median after its end | never |")
    print("|---|---|---|---|---|")
    table = np.array(delays)
    for rise in np.unique(table[:, 0]):
        delay = table[table[:, 0] == rise, 1]
        known = delay[np.isfinite(delay)]
        middle = f"{np.median(known) / 60:+.1f} min" if len(known) else "–"
        share = np.mean(delay <= 300)
        print(f"| {rise / 60:.1f} min | {len(delay)} | {share:.0%} | {middle} | {np.isinf(delay).sum()} |")


def worlds(records: int, seed: int) -> None:
    """The fast test alone on restless bridges: one gauge each, 4 h."""
    rng = np.random.default_rng(seed)
    kinds: dict[str, list[World]] = {}
    kinds["warming, clouds, traffic"] = [world(seed * 1000 + i) for i in range(records)]
    kinds["one load that stands for up to 10 min, 15–120 µε"] = [
        world(
            seed * 1000 + 10_000 + i,
            events=[
                Event(
                    rng.uniform(2400, 11_000),
                    rng.uniform(3, 25),
                    {0: rng.uniform(15, 120) * rng.choice([-1, 1])},
                    stay_s=rng.uniform(60, 590),
                )
            ],
        )
        for i in range(records)
    ]
    kinds["2–4 vehicles that arrive 20–90 s apart and stand 10 min"] = [
        world(seed * 1000 + 20_000 + i, events=_queue(rng)) for i in range(records)
    ]
    print("\n| restless record (4 h, one gauge) | records | with a false drift |\n|---|---|---|")
    for name, some in kinds.items():
        print(f"| {name} | {records} | {sum(map(bool, firings(some)))} |")
    print(
        "\n| settlement of ±30 µε that takes | n | within 5 min of its end | median after its end | never |"
    )
    print("|---|---|---|---|---|")
    for k, rise in enumerate((0.0, 60.0, 180.0, 300.0, 400.0, 600.0)):
        some = [
            world(
                seed * 1000 + 30_000 + 1000 * k + i,
                events=[Event(rng.uniform(2400, 11_000), rise, {0: 30.0 * rng.choice([-1, 1])})],
            )
            for i in range(records)
        ]
        delay = np.array(
            [
                min((t for t in times if t > w.events[0].start_s), default=np.inf)
                - w.events[0].start_s
                - rise
                for w, times in zip(some, firings(some), strict=True)
            ]
        )
        print(
            f"| {rise / 60:.1f} min | {records} | {np.mean(delay <= 300):.0%} | "
            f"{np.median(delay) / 60:+.1f} min | {np.isinf(delay).sum()} |"
        )


def _queue(rng: np.random.Generator) -> list[Event]:
    at, side = rng.uniform(2400, 11_000), rng.choice([-1, 1])
    events = []
    for _ in range(int(rng.integers(2, 5))):
        events.append(Event(at, rng.uniform(3, 10), {0: side * rng.uniform(8, 40)}, stay_s=600))
        at += rng.uniform(20, 90)
    return events


ONSET = 400
STAGES = ("raw threshold", "+ temperature", "+ whitening", "+ neighbours")


def stages(run: Years) -> dict[str, npt.NDArray[np.bool_]]:
    """Alarms of each ablation by day and gauge, from day 365 on; before, nothing."""
    year = run.raw[:365]
    margin = 0.1 * (year.max(axis=0) - year.min(axis=0))
    raw = (run.raw > year.max(axis=0) + margin) | (run.raw < year.min(axis=0) - margin)
    up, down = np.zeros(run.raw.shape[1]), np.zeros(run.raw.shape[1])
    plain = np.zeros(run.raw.shape, bool)
    for day in range(365, len(run.raw)):
        z = np.nan_to_num(run.residual[day])
        up, down = np.clip(up + z - 0.25, 0, 25.2), np.clip(down - z - 0.25, 0, 25.2)
        plain[day] = (up > 12.6) | (down > 12.6)
    out = dict(zip(STAGES, (raw, plain, run.alone, run.together), strict=True))
    return {name: alarms & (np.arange(len(alarms)) >= 365)[:, None] for name, alarms in out.items()}


def onsets(alarms: npt.NDArray[np.bool_]) -> int:
    """Times that an alarm begins."""
    return int((np.diff(np.vstack([np.zeros(alarms.shape[1]), alarms]).astype(int), axis=0) > 0).sum())


def months(sections: int, seed: int) -> None:
    """Sections of four gauges over years: false alarms, power against magnitude, ablations, confusion."""
    quiet = years(1461, sections, seed)
    exposure = sections * GAUGES * 3
    print(
        f"\n{sections} sections of {GAUGES} gauges, 4 years of weather; σ = {SIGMA_UE} µε, ρ {RHO}, of which "
        f"{COMMON:.0%} of the variance is the section's."
    )
    print("\n| years 2–4: false alarms | per channel-year (95 %) |\n|---|---|")
    for name, alarms in stages(quiet).items():
        print(f"| {name} | {poisson(onsets(alarms), exposure)} |")
    young = quiet.together[:365]
    print(f"| structure, in the provisional first year | {poisson(onsets(young), sections * GAUGES)} |")
    print("\n| change from day 400 on | " + " | ".join(f"{s}: ≤ 14 d, ≤ 60 d, median" for s in STAGES) + " |")
    print("|---" * (len(STAGES) + 1) + "|")
    rng = np.random.default_rng(seed)
    confusion: list[tuple[str, str]] = []
    for step, ramp, gauges in (
        (1, 0, 4), (1.5, 0, 4), (2, 0, 4), (2, 0, 2), (3, 0, 4), (2, 0, 1), (3, 0, 1),
        (0, 0.02, 4), (0, 0.02, 1), (0, 0.05, 4),
    ):  # fmt: skip
        moves = tuple(
            Move(
                s,
                ONSET,
                {
                    g: (side * step * SIGMA_UE, side * ramp * SIGMA_UE)
                    for g, side in enumerate(rng.choice([-1, 1], gauges))
                },
            )
            for s in range(sections)
        )
        found = years(ONSET + 111, sections, seed + 10_000, moves)
        cells = []
        for alarms in stages(found).values():
            by_section = alarms[ONSET:].reshape(-1, sections, GAUGES).any(axis=2)
            delay = np.where(by_section.any(axis=0), by_section.argmax(axis=0), np.inf)
            cells.append(f"{np.mean(delay <= 14):.0%}, {np.mean(delay <= 60):.0%}, {np.median(delay):.0f} d")
        what = f"step {step:g}σ" if step else f"ramp {ramp:g}σ/day"
        print(f"| {what}, {gauges} gauge{'s' * (gauges > 1)} | " + " | ".join(cells) + " |")
        confusion += _said(found, sections, "structure" if gauges > 1 else "sensor")
    confusion += _said(quiet, sections, "weather alone")
    print(
        "\n| truth (60 days) \\ said | structure | unconfirmed: single sensor | nothing |\n|---|---|---|---|"
    )
    for truth in ("structure", "sensor", "weather alone"):
        said = [s for t, s in confusion if t == truth]
        print(
            f"| {truth} | "
            + " | ".join(str(said.count(s)) for s in ("structure", "single", "nothing"))
            + " |"
        )


def _said(run: Years, sections: int, truth: str) -> list[tuple[str, str]]:
    """(truth, gravest thing said in the 60 days from the onset) of each section."""
    part = slice(ONSET, ONSET + 60)
    together = run.together[part].reshape(-1, sections, GAUGES).any(axis=(0, 2))
    alone = run.alone[part].reshape(-1, sections, GAUGES).any(axis=(0, 2))
    said = np.where(together, "structure", np.where(alone, "single", "nothing"))
    return [(truth, str(word)) for word in said]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10, help="through the whole engine")
    parser.add_argument("--worlds", type=int, default=60, help="the fast test alone")
    parser.add_argument("--sections", type=int, default=40, help="the slow test alone")
    parser.add_argument("--seed", type=int, default=100)
    chosen = parser.parse_args()
    began = time.perf_counter()
    if chosen.records:
        minutes(chosen.records, chosen.seed)
    if chosen.worlds:
        worlds(chosen.worlds, chosen.seed)
    if chosen.sections:
        months(chosen.sections, chosen.seed)
    print(f"\nSeed {chosen.seed}; {time.perf_counter() - began:.0f} s.")


if __name__ == "__main__":
    main()
