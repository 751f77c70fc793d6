"""Years of many sections, for `benchmarks/bridge_scoring.py`: false alarms, power, sick sensors, confusion.

Two proving grounds: the slow test alone (`tests.support.bridge_years`), cheap enough for power and ablations,
and the whole detector with its gate (`tests.support.bridge_lives`), where sensors die, traffic stands and
works are done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from config.bridge_rules import BridgeRules, SlowDriftLimits
from rules.bridge.stiffness import DAY_BLOCKS, Stiffness
from tests.support.bridge_lives import SENSORS, Fault, Illness, Lives, Works, illnesses, lives
from tests.support.bridge_years import COMMON, GAUGES, RHO, SIGMA_UE, Move, Years, years

Bool = npt.NDArray[np.bool_]

ONSET = 400
LOOK = 60
"""Days from an onset in which what is said counts."""
STAGES = ("raw threshold", "+ temperature", "+ whitening", "any alarm", "structure")
OPERATING = ((3.2, 0.002), (3.35, 0.001), (3.5, 0.0006), (3.8, 0.0003), (4.1, 0.0001))
"""`alone_sigma` and `joint_p` of the operating curve; the middle is the default."""
SAID = ("structure", "single", "fault", "nothing")


def poisson(count: int, exposure: float) -> str:
    """Rate with its 95 % interval."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = chi2.ppf(0.975, 2 * count + 2) / 2
    return f"{count / exposure:.3f} ({low / exposure:.3f}–{high / exposure:.3f})"


def months(sections: int, sick: int, seed: int) -> None:
    """Print all tables of years: `sections` in the slow test alone, `sick` through the whole detector."""
    confusion: list[tuple[str, str]] = []
    quiet = _false_alarms(sections, seed)
    confusion += _power(sections, seed)
    confusion += [("weather alone", said) for said in _said(quiet, sections)]
    if sick:
        confusion += _sick(sick, seed)
        confusion += _traffic_and_works(sick, seed)
    _confusion(confusion)
    _operating_curve(sections, seed)
    _stiffness(seed)


def stages(run: Years) -> dict[str, Bool]:
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
    said = (raw, plain, run.whitened, run.alone | run.together, run.together)
    old = np.arange(len(run.raw)) >= 365
    return {name: alarms & old[:, None] for name, alarms in zip(STAGES, said, strict=True)}


def onsets(alarms: Bool) -> int:
    """Times that an alarm begins."""
    return int((np.diff(np.vstack([np.zeros(alarms.shape[1]), alarms]).astype(int), axis=0) > 0).sum())


def _false_alarms(sections: int, seed: int) -> Years:
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
    return quiet


def _moves(
    rng: np.random.Generator, sections: int, step: float, ramp: float, gauges: int
) -> tuple[Move, ...]:
    """From ONSET on so many gauges of each section, each to a side of its own."""
    return tuple(
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


def _delays(alarms: Bool, sections: int) -> npt.NDArray[np.float64]:
    """Days from ONSET to the first alarm of each section, inf = none."""
    by_section = alarms[ONSET:].reshape(-1, sections, GAUGES).any(axis=2)
    return np.where(by_section.any(axis=0), by_section.argmax(axis=0), np.inf)


def _operating_curve(sections: int, seed: int) -> None:
    print(
        "\n| alone_sigma, joint_p | false a channel-year: any, structure "
        "| 2σ, 4 gauges ≤ 14 d: any, structure | 2 gauges | 1 gauge: any "
        "| ramp 0.02σ/day, median: any, structure |"
        "\n|---|---|---|---|---|---|"
    )
    for alone, p in OPERATING:
        slow = SlowDriftLimits(alone_sigma=alone, joint_p=p)
        rules = BridgeRules(slow=slow)
        quiet = years(1461, sections, seed, rules=rules)
        false = [
            onsets(alarms[365:]) / (sections * GAUGES * 3)
            for alarms in (quiet.alone | quiet.together, quiet.together)
        ]
        cells, rng = [], np.random.default_rng(seed)
        for step, ramp, gauges in ((2, 0, 4), (2, 0, 2), (2, 0, 1), (0, 0.02, 4)):
            moves = _moves(rng, sections, step, ramp, gauges)
            found = years(ONSET + 111, sections, seed + 10_000, moves, rules)
            any_, structure = (
                _delays(alarms, sections) for alarms in (found.alone | found.together, found.together)
            )
            if ramp:
                cells.append(f"{np.median(any_):.0f} d, {np.median(structure):.0f} d")
            else:
                both = [f"{np.mean(delay <= 14):.0%}" for delay in (any_, structure)]
                cells.append(", ".join(both[: 1 + (gauges > 1)]))
        print(f"| {alone}, {p} | {false[0]:.3f}, {false[1]:.3f} | " + " | ".join(cells) + " |")


def _power(sections: int, seed: int) -> list[tuple[str, str]]:
    print("\n| change from day 400 on | " + " | ".join(f"{s}: ≤ 14 d, ≤ 60 d, median" for s in STAGES) + " |")
    print("|---" * (len(STAGES) + 1) + "|")
    rng = np.random.default_rng(seed)
    confusion: list[tuple[str, str]] = []
    for step, ramp, gauges in (
        (1, 0, 4), (1.5, 0, 4), (2, 0, 4), (2, 0, 2), (3, 0, 4), (2, 0, 1), (3, 0, 1),
        (0, 0.02, 4), (0, 0.02, 1), (0, 0.05, 4),
    ):  # fmt: skip
        moves = _moves(rng, sections, step, ramp, gauges)
        found = years(ONSET + 111, sections, seed + 10_000, moves)
        cells = []
        for alarms in stages(found).values():
            delay = _delays(alarms, sections)
            middle = f"{np.median(delay):.0f} d" if np.isfinite(np.median(delay)) else "–"
            cells.append(f"{np.mean(delay <= 14):.0%}, {np.mean(delay <= 60):.0%}, {middle}")
        what = f"step {step:g}σ" if step else f"ramp {ramp:g}σ/day"
        print(f"| {what}, {gauges} gauge{'s' * (gauges > 1)} | " + " | ".join(cells) + " |")
        confusion += [("structure" if gauges > 1 else "one gauge", s) for s in _said(found, sections)]
    return confusion


def _said(run: Years | Lives, sections: int, first: int = ONSET) -> list[str]:
    """Gravest thing said in the 60 days from the onset, of each section."""
    part = slice(first, first + LOOK)
    structure, single = (run.together, run.alone) if isinstance(run, Years) else (run.structure, run.single)
    fault = np.zeros(sections, bool)
    if isinstance(run, Lives):
        fault = run.fault[part].reshape(-1, sections, SENSORS).any(axis=(0, 2))
    by = [alarms[part].reshape(-1, sections, GAUGES).any(axis=(0, 2)) for alarms in (structure, single)]
    return [str(word) for word in np.select([*by, fault], SAID[:3], SAID[3])]


def _sick(sections: int, seed: int) -> list[tuple[str, str]]:
    """Four years through the whole detector in which every sensor falls ill about once a year."""
    rng = np.random.default_rng(seed)
    days = 1461
    ill = illnesses(sections, days, 1.0, rng)
    run = lives(days, sections, seed, ill=ill)
    exposure = sections * GAUGES * 4
    print(
        f"\n{sections} sections through the whole detector, 4 years, every sensor ill about once a year "
        f"({len(ill)} times): false alarms of structure {poisson(onsets(run.structure), exposure)} per "
        "channel-year."
    )
    print("\n| sick sensor | times | told as a fault | unconfirmed | structure | nothing |")
    print("|---|---|---|---|---|---|")
    confusion = []
    for fault in Fault:
        said = [_of_illness(run, one) for one in ill if one.fault is fault]
        count = Counter(said)
        row = " | ".join(str(count[name]) for name in ("fault", "single", "structure", "nothing"))
        print(f"| {fault.value} | {len(said)} | {row} |")
        confusion += [("sick sensor", name) for name in said]
    return confusion


def _of_illness(run: Lives, one: Illness) -> str:
    """Gravest of drift in its section while it lasts and a day longer, else whether its fault was told."""
    part = slice(int(one.day), int(one.day + one.days) + 2)
    gauges = slice(one.section * GAUGES, (one.section + 1) * GAUGES)
    if run.structure[part, gauges].any():
        return "structure"
    if run.fault[part, one.section * SENSORS + one.sensor].any():
        return "fault"
    return "single" if run.single[part, gauges].any() else "nothing"


def _traffic_and_works(sections: int, seed: int) -> list[tuple[str, str]]:
    def jams(rng: np.random.Generator, day: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """From the onset on twice the jams: queues that stand while the logger reads."""
        often = np.where(day < ONSET, 0.02, 0.06)
        return np.where(rng.random(len(day)) < often, rng.uniform(5, 60, len(day)), 0.0)

    days = ONSET + LOOK + 5
    heavy = lives(days, sections, seed + 20_000, traffic=jams)
    shifts = np.random.default_rng(seed).uniform(-80, 80, sections)
    works = tuple(Works(s, ONSET, float(shift)) for s, shift in enumerate(shifts))
    told = lives(days, sections, seed + 30_000, works=works)
    return [
        *(("traffic, jams", said) for said in _said(heavy, sections)),
        *(("works that were told", said) for said in _said(told, sections)),
    ]


def _confusion(rows: Sequence[tuple[str, str]]) -> None:
    print(
        "\n| truth (60 days) \\ said | structure | unconfirmed: single sensor | sensor fault | nothing |\n"
        "|---|---|---|---|---|"
    )
    for truth in dict(rows):
        said = [s for t, s in rows if t == truth]
        print(f"| {truth} | " + " | ".join(str(said.count(s)) for s in SAID) + " |")
    right = {"structure": ("structure",), "one gauge": ("single",), "sick sensor": ("single", "fault")}
    named = [(t, s) for t, s in rows if t in right and s != "nothing"]
    hits = sum(s in right[t] for t, s in named)
    print(
        f"\nStructure or sensor is right in {hits} of {len(named)} that were told ({hits / len(named):.1%})."
    )


def _stiffness(seed: int, sections: int = 40) -> None:
    """A gauge's share of its section's live load changes: 150 blocks of traffic a day, four gauges."""
    print("\n| local stiffness, from day 25 on | sections | found ≤ 21 d | median | another gauge named |")
    print("|---|---|---|---|---|")
    shares = np.array([1.0, 0.7, 0.5, 0.9])
    for loss in (0.0, 0.05, 0.1, 0.2):
        delays, wrong = [], 0
        for s in range(sections):
            rng = np.random.default_rng([seed, s, round(100 * loss)])
            test = Stiffness(np.zeros(4, np.int32), np.ones(4, bool), np.full(4, 0.06))
            soft, found, others = int(rng.integers(4)), np.inf, False
            for day in range(70):
                factor = np.ones(4)
                factor[soft] = 1 / (1 - loss) if day >= 25 else 1.0
                weight = rng.lognormal(0, 0.3) * rng.lognormal(3.0, 0.5, 150) * (rng.random(150) < 0.6)
                lane = np.exp(rng.normal(0, 0.15, (150, 1)) * np.array([1, 0.3, -0.3, -1]))
                live = 3.0 + weight[:, None] * shares * lane * factor + rng.normal(0, 0.2, (150, 4))
                for block in range(150):
                    test.add(day * DAY_BLOCKS + block, np.arange(4), live[block])
                if test.found[soft] and np.isinf(found):
                    found = day - 25
                others |= bool(np.delete(test.found, soft).any())
            delays.append(found)
            wrong += others
        middle = f"{np.median(delays):.0f} d" if np.isfinite(np.median(delays)) else "–"
        what = f"−{loss:.0%}" if loss else "unchanged, 70 days"
        share = np.mean(np.array(delays) <= 21)
        print(f"| {what} | {sections} | {share:.0%} | {middle} | {wrong} |")
