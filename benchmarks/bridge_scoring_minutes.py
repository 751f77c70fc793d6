"""Drift in minutes, scored: loads that stand, settlements of any duration, stages, campaigns on a girder.

Four tables: the fast test alone over quiet, moderate and restless bridges (`tests/support/bridge_worlds.py`);
stages; the whole engine over days of four gauges; the backtest over campaigns on a girder of beam theory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

import numpy as np

from config.rules import RuleSet
from jingqiao.backtest.run import backtest
from rules.alarm import AlarmChange, AlarmState, Hazard
from tests.support.bridge_campaign import Campaign, Girder, Jacks, Lorry
from tests.support.bridge_runs import bridge_engine, of, run
from tests.support.bridge_series import SECOND_US, START_US, DayRecord, Event, day_registry
from tests.support.bridge_worlds import firings, world

LEVELS: Final = {"quiet": 0.1, "moderate": 0.4, "restless": 1.0}
"""Share of the noise (2–10 µε a second), clouds, wander and swinging; warming and traffic are whole."""
RISES: Final = (0.0, 60.0, 90.0, 120.0, 180.0, 300.0, 400.0, 600.0)
LATE_S: Final = 300.0


def at_s(change: AlarmChange) -> float:
    return (change.event_at - START_US) / SECOND_US


def firing(changes: Sequence[AlarmChange]) -> list[AlarmChange]:
    return [c for c in of(list(changes), Hazard.DRIFT) if c.state is AlarmState.FIRING]


def nothing(_: np.random.Generator) -> list[Event]:
    return []


def load(rng: np.random.Generator, least_s: float = 3, most_s: float = 25) -> list[Event]:
    height = rng.uniform(15, 120) * rng.choice([-1, 1])
    rise = rng.uniform(least_s, most_s)
    return [Event(rng.uniform(2400, 11_000), rise, {0: height}, stay_s=rng.uniform(60, 590))]


def creeping(rng: np.random.Generator) -> list[Event]:
    return load(rng, 25, 60)


def two_creeping(rng: np.random.Generator) -> list[Event]:
    at, side = rng.uniform(2400, 11_000), rng.choice([-1, 1])
    return [
        Event(
            at + i * rng.uniform(30, 90),
            rng.uniform(25, 60),
            {0: rng.uniform(10, 60) * side},
            stay_s=rng.uniform(400, 560),
        )
        for i in range(2)
    ]


def queue(rng: np.random.Generator) -> list[Event]:
    at, side = rng.uniform(2400, 11_000), rng.choice([-1, 1])
    events = []
    for _ in range(int(rng.integers(2, 5))):
        events.append(Event(at, rng.uniform(3, 10), {0: side * rng.uniform(8, 40)}, stay_s=600))
        at += rng.uniform(20, 90)
    return events


def five(rng: np.random.Generator) -> list[Event]:
    side = rng.choice([-1, 1])
    return [
        Event(
            2400 + 1500 * i + rng.uniform(0, 300),
            rng.uniform(3, 25),
            {0: side * rng.uniform(15, 40)},
            stay_s=rng.uniform(300, 590),
        )
        for i in range(5)
    ]


FALSE: Final[dict[str, Callable[[np.random.Generator], list[Event]]]] = {
    "warming, clouds, traffic": nothing,
    "one load that stands for up to 10 min, 15–120 µε": load,
    "… that creeps on within 25–60 s": creeping,
    "two that creep on 30–90 s apart and stand up to 10 min": two_creeping,
    "2–4 vehicles that arrive 20–90 s apart and stand 10 min": queue,
    "five loads of 5–10 min, 25 min apart, same side": five,
}


def _false(name: str, restless: float, records: int, seed: int) -> int:
    kind = list(FALSE).index(name)
    rng = np.random.default_rng([seed, kind])
    first = seed * 1000 + 10_000 * kind
    hours = 5.0 if FALSE[name] is five else 4.0
    some = [world(first + i, hours=hours, events=FALSE[name](rng), restless=restless) for i in range(records)]
    return sum(map(bool, firings(some)))


def _settled(rise: float, restless: float, records: int, seed: int) -> list[float]:
    """Delays after the end of settlements of ±30 µε [s]."""
    rng = np.random.default_rng([seed, 100, int(rise)])
    some = [
        world(
            seed * 1000 + 100_000 + 100 * int(rise) + i,
            events=[Event(rng.uniform(2400, 11_000), rise, {0: 30.0 * rng.choice([-1, 1])})],
            restless=restless,
        )
        for i in range(records)
    ]
    return [
        min((t for t in times if t > w.events[0].start_s), default=np.inf) - w.events[0].start_s - rise
        for w, times in zip(some, firings(some), strict=True)
    ]


def worlds(records: int, seed: int) -> None:
    """The fast test alone: one gauge each, 4 h."""
    rows = [(name, level) for name in FALSE for level in LEVELS.values()]
    false = _spread(_false, [(name, level, records, seed) for name, level in rows])
    print(f"\n| record (4 h, one gauge), false of {records} | {' | '.join(LEVELS)} |\n|---|---|---|---|")
    for i, name in enumerate(FALSE):
        print(f"| {name} | {' | '.join(map(str, false[3 * i : 3 * i + 3]))} |")
    jobs = [(rise, level, records, seed) for rise in RISES for level in LEVELS.values()]
    delays = _spread(_settled, jobs)
    print(
        f"\n| settlement of ±30 µε ({records} a cell) that takes | {' | '.join(LEVELS)} |\n|---|---|---|---|"
    )
    for i, rise in enumerate(RISES):
        cells = [_late(np.array(delay)) for delay in delays[3 * i : 3 * i + 3]]
        print(f"| {rise / 60:.1f} min | {' | '.join(cells)} |")


def _late(delay: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """Share within 5 minutes of the end, median delay, how many were never found."""
    never = int(np.isinf(delay).sum())
    return f"{np.mean(delay <= LATE_S):.0%}, {np.median(delay) / 60:+.1f} min, {never} never"


def _staged(number: int, height: float, restless: float, records: int, seed: int) -> int:
    rng = np.random.default_rng([seed, 200, number])
    some, ends = [], []
    for i in range(records):
        side, at = rng.choice([-1, 1]), rng.uniform(2400, 3600)
        events = [Event(at + 1800 * k, rng.uniform(30, 120), {0: side * height}) for k in range(number)]
        hours = (at + 1800 * number + 3600) / 3600
        some.append(world(seed * 1000 + 300_000 + i, hours=hours, events=events, restless=restless))
        ends.append(events[-1].start_s + 1800)
    found = [firings([record])[0] for record in some]
    return sum(any(2400 < t <= end for t in times) for times, end in zip(found, ends, strict=True))


def staged(records: int, seed: int) -> None:
    """Settlements in stages that are each below the limit, of one gauge."""
    stages = ((4, 12.0), (3, 20.0), (6, 8.0))
    jobs = [(n, height, level, records, seed) for n, height in stages for level in LEVELS.values()]
    found = _spread(_staged, jobs)
    print(
        f"\n| stages half an hour apart, found within half an hour of the last, of {records} | "
        f"{' | '.join(LEVELS)} |\n|---|---|---|---|"
    )
    for i, (n, height) in enumerate(stages):
        print(f"| {n} × {height:.0f} µε | {' | '.join(map(str, found[3 * i : 3 * i + 3]))} |")


def _day(number: int, seed: int) -> tuple[int, int, float, float]:
    """False drifts of a warm day and of a standing load; duration and delay of a settlement [s]."""
    rng = np.random.default_rng([seed, 300, number])
    traits = {
        "swing_c": rng.uniform(3, 15),
        "sun_ue": rng.uniform(0, 60),
        "cloud_ue": rng.uniform(0, 6),
        "noise_ue": rng.uniform(0.5, 3),
        "wander_ue": rng.uniform(0.3, 2),
        "vehicles_an_hour": rng.uniform(10, 172),
        "vehicle_ue": rng.uniform(10, 60),
        "beta_most": rng.uniform(2, 12),
    }
    heights = {g: rng.uniform(15, 120) * rng.choice([-1, 1]) for g in range(4)}
    stands = Event(rng.uniform(2400, 10_000), rng.uniform(5, 60), heights, stay_s=rng.uniform(60, 500))
    rise = (30.0, 120.0, 180.0, 300.0, 600.0)[number % 5]
    sides = dict(enumerate(rng.uniform(-20, 20, 4)))
    sides[int(rng.integers(4))] = 30.0 * rng.choice([-1, 1])
    sinks = Event(rng.uniform(2400, 10_000), rise, sides)
    found = []
    for events in ((), (stands,), (sinks,)):
        record = DayRecord(events=events, **traits)
        found.append(firing(run(bridge_engine(day_registry()), record.frame(seed * 1000 + number), 240)))
    delays = [at_s(c) - sinks.start_s - rise for c in found[2] if at_s(c) > sinks.start_s]
    return bool(found[0]), bool(found[1]), rise, min(delays, default=np.inf)


def days(records: int, seed: int) -> None:
    """Records of 4 h, 4 gauges, the whole engine: warm, with a standing load, with a settlement."""
    table = np.array(_spread(_day, [(number, seed) for number in range(records)]), float)
    print("\n| record (4 h, 4 gauges, whole engine) | records | with a false drift |\n|---|---|---|")
    print(f"| warm day, traffic | {records} | {int(table[:, 0].sum())} |")
    print(f"| standing load of 1–8 min, 15–120 µε | {records} | {int(table[:, 1].sum())} |")
    print("\n| settlement of 30 µε that takes | n | within 5 min of its end, median, never |\n|---|---|---|")
    for rise in np.unique(table[:, 2]):
        delay = table[table[:, 2] == rise, 3]
        print(f"| {rise / 60:.1f} min | {len(delay)} | {_late(delay)} |")


AT_S: Final = 4500.0
CAMPAIGNS: Final[dict[str, tuple[Sequence[Lorry], Sequence[tuple[float, float, float]]]]] = {
    "a lorry at walking pace, stands 9 min": ([Lorry(AT_S, 17, 540)], ()),
    "a lorry that creeps (0.7 m/s), stands 10 min": ([Lorry(AT_S, 17, 590, 0.7)], ()),
    "three lorries half a minute apart, 8–10 min": (
        [Lorry(AT_S, 20, 590), Lorry(AT_S + 30, 12, 550), Lorry(AT_S + 60, 45, 500)],
        (),
    ),
    "jacks: 12.9 mm in 30 s": ((), [(AT_S, 30, 12.9)]),
    "jacks: 12.9 mm in 90 s": ((), [(AT_S, 90, 12.9)]),
    "jacks: 12.9 mm in 180 s": ((), [(AT_S, 180, 12.9)]),
    "jacks: 12.9 mm in 600 s": ((), [(AT_S, 600, 12.9)]),
    "jacks: 10 steps of 1.29 mm in 20 s each, 40 s apart": (
        (),
        [(AT_S + 40 * i, 20, 1.29) for i in range(10)],
    ),
    "jacks: 5 steps of 2.58 mm in 30 s each, 90 s apart": (
        (),
        [(AT_S + 90 * i, 30, 2.58) for i in range(5)],
    ),
    "jacks: 3 steps of 4.3 mm in 60 s each, 120 s apart": (
        (),
        [(AT_S + 120 * i, 60, 4.3) for i in range(3)],
    ),
}


def _campaign(name: str, number: int, seed: int) -> tuple[float, bool]:
    """Delay of the first drift after the end [s], inf = none; and whether it is told as structure."""
    rng = np.random.default_rng([seed, 400, number])
    lorries, steps = CAMPAIGNS[name]
    supports = ((0.0, 30.0, 60.0), (0.0, 30.0, 60.0, 85.0))[number % 2]
    campaign = Campaign(
        hours=(AT_S + 2400) / 3600,
        girder=Girder(supports),
        vehicles_an_hour=float(rng.choice([0, 60])),
        lorries=lorries,
        jacks=[Jacks(1, steps)] if steps else (),
        noise_ue=rng.uniform(0.5, 3),
        creep_ue=rng.uniform(0.2, 1),
        swing_c=rng.uniform(2, 12),
        sign=tuple(rng.choice([-1, 1], 4).tolist()),
    )
    changes = firing(backtest(campaign.registry(), RuleSet(), campaign.frame(seed * 1000 + number)).changes)
    end = max((at + takes for at, takes, _ in steps), default=AT_S)
    delay = at_s(changes[0]) - end if changes else np.inf
    return delay, bool(changes) and changes[0].reason.key.endswith("settlement")


def campaigns(records: int, seed: int) -> None:
    """The backtest of a girder of beam theory: lorries and jacks."""
    found = _spread(_campaign, [(name, i, seed) for name in CAMPAIGNS for i in range(records)])
    print(
        f"\n| campaign ({records} each) | drift told | within 5 min of the end, median, never | structure |"
    )
    print("|---|---|---|---|")
    for i, name in enumerate(CAMPAIGNS):
        part = found[i * records : (i + 1) * records]
        delay = np.array([d for d, _ in part])
        told, structure = int(np.isfinite(delay).sum()), sum(s for _, s in part)
        late = _late(delay) if CAMPAIGNS[name][1] else "–"
        print(f"| {name} | {told} | {late} | {structure} |")


def _spread(job: Callable[..., Any], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What the job gives for each row, in their order, on all cores."""
    with ProcessPoolExecutor(os.cpu_count(), get_context("fork")) as pool:
        return list(pool.map(job, *zip(*rows, strict=True)))
