"""Recall, delay and false alarms in worlds of another physics: `python -m benchmarks.other_worlds`.

With `--foreign` those of `benchmarks.foreign_fleets`, that nobody has tuned on.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, Final

import numpy as np

from benchmarks.foreign_cases import CASES
from benchmarks.foreign_fleets import FLEETS, Fleet
from benchmarks.foreign_readings import make_fleet
from benchmarks.quirks import Quirks
from benchmarks.world_readings import Made, make
from benchmarks.worlds import HARM, World
from config.rules import RuleSet
from jingqiao.backtest.run import backtest
from rules.alarm import AlarmChange, AlarmState
from simulator.score import PAGING, Rate

HARMS = {
    "theft_silent": 12,
    "theft_heard": 12,
    "ajar_fast": 12,
    "ajar_slow": 8,
    "sunk_sudden": 10,
    "sunk_creeping": 12,
    "sunk_month": 10,
    "loose_day": 12,
    "loose_month": 12,
    "flood": 10,
    "drift": 8,
    "permit": 8,
    "none": 40,
    "resurfaced": 8,
    "replaced": 8,
}

WORLDS = (
    World("sleeper 6 h, tilt, wakes", 21_600, True, heartbeat=True),
    World("sleeper 6 h, tilt, wakes, no heartbeat told", 21_600, True, jitter_s=20),
    World("sleeper 6 h, all, wakes", 21_600, True, "both", True, True, False, True, heartbeat=True, days=60),
    World("hourly tilt", 3600),
    World("hourly tilt at 90, coarse", 3600, datum_deg=90, step_deg=1.0, swing_deg=2.0),
    World("hourly tilt at 180", 3600, datum_deg=180, noise_deg=0.3),
    World("hourly xy with shocks", 3600, False, "xy", False, True),
    World("hourly all, no wakes", 3600, False, "both", True, True, True, True, days=60),
    World("10 min tilt+mm+shocks", 600, False, "tilt", True, True, False, True, days=40),
    World(
        "10 min noisy thermal",
        600,
        False,
        "xy",
        True,
        True,
        noise_deg=1.0,
        swing_deg=4.0,
        noise_mm=1.5,
        swing_mm=2.5,
        step_mm=1.0,
    ),
    World("10 min passes seen", 600, True, "tilt", True, True, passes_seen=0.02, jitter_s=5),
    World(
        "minute, wheels of 5-40 deg seen", 60, passes_seen=0.07, passes_deg=(5, 40), days=8, traffic_per_h=172
    ),
    World("10 min, wheels of 5-40 deg seen", 600, mm=True, passes_seen=0.03, passes_deg=(5, 40), jitter_s=3),
    World("hourly, warm displacement", 3600, mm=True, swing_mm=4.0, swing_deg=1.5, noise_mm=1.0, days=60),
    World("6 h contact and tilt, wild", 21_600, True, contact=True, wild_per_year=6, loss=0.02, days=60),
    World(
        "hourly wild samples",
        3600,
        False,
        "both",
        True,
        True,
        False,
        True,
        wild_per_year=12,
        loss=0.02,
        twice=0.02,
        days=60,
    ),
    World(
        "6 h wild samples, wakes",
        21_600,
        True,
        "tilt",
        True,
        False,
        False,
        True,
        wild_per_year=6,
        loss=0.03,
        heartbeat=True,
        days=60,
    ),
    World("only displacement, hourly", 3600, False, "none", True),
    World("only contact, 6 h", 21_600, True, "none", contact=True, heartbeat=True),
    World("only water, 30 min", 1800, False, "none", water=True),
    World("minute tilt+shocks, a week", 60, False, "tilt", False, True, days=7),
    World("minute all, one day", 60, False, "both", True, True, True, True, days=1.2),
    World("irregular, tilt+mm", 1800, False, "tilt", True, jitter_s=400, loss=0.1),
    World(
        "frost and rain, 30 min",
        1800,
        True,
        "xy",
        True,
        swing_mm=1.5,
        loss=0.02,
        days=60,
        quirks=Quirks(rain_deg=2.5, heave_mm=10, absent=0.1),
    ),
    World(
        "echoes and chatter, 15 min",
        900,
        True,
        "tilt",
        True,
        True,
        True,
        noise_mm=1.0,
        step_mm=1.0,
        jitter_s=10,
        twice=0.02,
        days=40,
        quirks=Quirks(echo_share=0.06, chatter=0.004, full_scale_g=2.0),
    ),
    World(
        "night convoys, 5 min",
        300,
        False,
        "both",
        True,
        True,
        traffic_per_h=60,
        passes_seen=0.004,
        passes_deg=(1, 8),
        heartbeat=True,
        days=25,
        quirks=Quirks(convoys=0.35, full_scale_g=4.0, absent=0.03),
    ),
)
"""Kept small: together some minutes of one core."""


FINDS: Final[Mapping[str, tuple[str, ...]]] = {
    **{harm: finds for harm, (_, finds) in HARM.items()},
    **{case: finds for case, (_, finds) in CASES.items()},
}
"""Harm or case → hazards that find it."""


def judge(made: Made) -> list[AlarmChange]:
    """Alarms as `jingqiao backtest` raises them."""
    result = backtest(made.registry, RuleSet(), made.frame, made.controls)
    if result.fault_count:
        raise SystemExit(f"the engine failed: {result.faults[0]}")
    return [change for change in result.changes if not change.historical]


_COUNTED: Final = ("n", "found", "paged", "milder", "blind", "blind_found")
_LISTED: Final = ("delay_s", "after_full_h", "after_defect_h", "extra", "missed")


def rows(world: World | Fleet, made: Made, changes: Sequence[AlarmChange]) -> list[dict[str, Any]]:
    """One row a harm: lids, found, found in orange or red, delays after the first message; false alarms."""
    fired: dict[str, list[AlarmChange]] = defaultdict(list)
    for change in changes:
        if change.state is AlarmState.FIRING:
            fired[change.asset_id].append(change)
    table: dict[str, dict[str, Any]] = {}
    for i, (harm, onset, first, full, defect) in enumerate(made.truth):
        finds = FINDS[harm]
        if finds and first < 0:
            continue  # the radio let nothing of it through
        row = table.setdefault(harm, {**dict.fromkeys(_COUNTED, 0), **{name: [] for name in _LISTED}})
        mine = fired[f"L{i}"]
        good = [
            c for c in mine if c.hazard.value in finds and onset >= 0 and c.event_at >= onset - 60_000_000
        ]
        extra = [
            c
            for c in mine
            if c.hazard.value not in ("silent", "battery_low")
            and (not finds or onset < 0 or c.event_at < onset - 60_000_000 or c.hazard.value not in finds)
        ]
        row["extra"] += [(i, c.hazard.value, c.severity.colour, c.reason.key.split(".", 1)[1]) for c in extra]
        if made.blind[i]:
            row["blind"] += 1
            row["blind_found"] += bool(good)
            continue
        row["n"] += 1
        if not finds:
            continue
        row["found"] += bool(good)
        paged = [c for c in good if c.severity >= 3]
        row["paged"] += bool(paged)
        if good:
            said = min(int(c.evidence.get("decided_at_us", c.event_at)) for c in (paged or good))
            row["delay_s"].append((said - (first if first >= 0 else onset)) / 1e6)
            if full >= 0:
                row["after_full_h"].append((min(c.event_at for c in good) - full) / 3.6e9)
            if defect >= 0:
                row["after_defect_h"].append((min(c.event_at for c in good) - defect) / 3.6e9)
        else:
            # One inclination shows a stolen lid as one ajar where it turned mostly about the other axis.
            row["milder"] += any(
                c.hazard.value == "tilted" and c.severity >= 3 and c.event_at >= onset for c in mine
            )
            row["missed"].append(i)
    return [{"world": world.name, "harm": harm, **row} for harm, row in table.items()]


def outcome(world: World | Fleet, seed: int, times: int = 1, only: str = "") -> list[dict[str, Any]]:
    """Rows of one world: made, judged, compared with its truth."""
    if isinstance(world, Fleet):
        made = make_fleet(world, seed, times)
    else:
        made = make(world, {h: n * times for h, n in HARMS.items() if not only or h == only}, seed)
    return [
        {
            **row,
            "years": (row["n"] + row["blind"]) * world.days / 365.25,
            "wild": world.wild_per_year > 0,
        }
        for row in rows(world, made, judge(made))
        if not only or row["harm"] == only
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line a world and harm, or two tables over all worlds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", default="", help="only worlds whose name has this")
    parser.add_argument("--harm", default="", help="only this harm")
    parser.add_argument("--times", type=int, default=1, help="so many times as many lids")
    parser.add_argument("--verbose", action="store_true", help="name all that is said besides")
    parser.add_argument("--summary", action="store_true", help="tables over all worlds")
    parser.add_argument("--foreign", action="store_true", help="the fleets of benchmarks.foreign_fleets")
    parser.add_argument("--jobs", type=int, default=2, help="worlds at a time, each in a process")
    options = parser.parse_args(arguments)
    worlds: list[World | Fleet] = [
        world for world in (FLEETS if options.foreign else WORLDS) if options.world in world.name
    ]
    found: list[dict[str, Any]] = []
    # Spawned, so that a world knows nothing of those that were judged before it in the same process.
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        one = partial(outcome, seed=options.seed, times=options.times, only=options.harm)
        for own in pool.map(one, worlds):
            found += own
            sys.stderr.write(f"{own[0]['world'] if own else '-'}\n")
            for row in own:
                if not options.summary:
                    tell(row, options.verbose)
    if options.summary:
        summarize(found)


def summarize(found: Sequence[dict[str, Any]]) -> None:
    """Harm by harm, then what rang of lids to which nothing happened, hazard by hazard."""
    print("| harm | lids | found | in orange or red | median delay | p90 | tilted instead | blind (found) |")
    print("|---|---|---|---|---|---|---|---|")
    for harm, hazards in FINDS.items():
        own = [row for row in found if row["harm"] == harm]
        n, seen, paged, milder, blind, lucky = (sum(row[key] for row in own) for key in _COUNTED)
        if n == 0 or not hazards:
            continue
        delay = np.concatenate([[], *(row["delay_s"] for row in own)]) / 60
        print(
            f"| {harm} | {n} | {seen} ({seen / n:.1%}) | {paged} | "
            f"{np.median(delay):.0f} min | {np.percentile(delay, 90):.0f} min | {milder} | "
            f"{blind} ({lucky}) |"
        )
    print("\n| healthy lids | lid-years | orange or red | per 1,000 lid-years (95 %) | of which |")
    print("|---|---|---|---|---|")
    for wild in (False, True):
        own = [row for row in found if not FINDS[row["harm"]] and row["wild"] is wild]
        loud = [(hazard, why) for row in own for _, hazard, colour, why in row["extra"] if colour in PAGING]
        rate = Rate.of(len(loud), sum(row["years"] for row in own))
        name = "with wild samples" if wild else "without wild samples"
        print(
            f"| {name} | {rate.years:.1f} | {rate.count} | "
            f"{rate.per_thousand:.0f} ({rate.low:.0f}–{rate.high:.0f}) | "
            f"{', '.join(f'{count} {why}' for (_, why), count in Counter(loud).most_common())} |"
        )


def tell(row: dict[str, Any], verbose: bool) -> None:
    """One line."""
    delay, hours, extra = row["delay_s"], row["after_full_h"], row["extra"]
    line = f"{row['world'][:28]:28s} {row['harm']:13s} n={row['n']:3d}"
    line += f" found={row['found']:3d} paged={row['paged']:3d}"
    if delay:
        line += f" delay {np.median(delay):8.0f} p90 {np.percentile(delay, 90):8.0f} s"
    if hours:
        line += f" after full {np.median(hours):7.1f} p90 {np.percentile(hours, 90):7.1f} h"
    loud = [e for e in extra if e[2] in PAGING]
    counts: dict[str, int] = defaultdict(int)
    for _, _, colour, reason in extra:
        counts[f"{colour}:{reason}"] += 1
    line += f" | loud extra {len(loud)} {dict(counts) if verbose or loud else len(extra)}"
    if row["missed"]:
        line += f" missed {row['missed']}"
    print(line, flush=True)


if __name__ == "__main__":
    main()
