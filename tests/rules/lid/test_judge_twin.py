"""Every opinion of the lid detector against its slow twin, whatever is measured, remembered or missing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.lid_rules import LidRules
from rules.detector import NO_OPINION
from rules.lid.angle import CALM_DEG, CREPT_DEG, PART
from rules.lid.doubt import FELT_G, SEEN_PASSES
from rules.lid.features import Features
from rules.lid.judge import HAZARDS, STILL_MOVES, judge
from rules.lid.limits import Limits
from rules.lid.reasons import REASONS
from rules.lid.state import WATCH, LidState, Shock, Sink, Tilt, Water
from tests.support import lid_judge_naive as naive

HOURS = 50_000.0
SETS = (
    LidRules(),
    LidRules(
        tilt_attention_deg=8, open_deg=45, sunk_defect_mm=20, flood_mm=250, loose_limit=6, chatty_share=0.5
    ),
)
NAMES = [hazard.value for hazard in HAZARDS]
KEYS = [reason.removeprefix("rules_lid.") for reason in REASONS]


def grid(low: float, high: float, step: float = 0.5) -> tuple[float, ...]:
    """Numbers that float32 and float64 add up alike, so that a limit is met exactly in both."""
    return tuple(i * step for i in range(round(low / step), round(high / step) + 1))


nan, inf = math.nan, math.inf
GAPS = (0.0, 2.0, 20.0, 21.0, 600.0, 899.0, 900.0, 3600.0, 3601.0, 50_000.0)
SWITCH = (nan, nan, 0.0, 1.0)
READING: dict[str, tuple[float, ...]] = {
    "gap": GAPS,
    "gap_before": GAPS,
    "pace": (nan, nan, 2, 20, 21, 600, 3600, 3601, 21_600),
    "scheduled": (0, 1),
    "events": (0, 0.125, 0.25, 1),
    "angle": (nan, inf, 0, 0.5, 8, 8.5, 10, 15, 20, 28.5, 30, 50, 90, 179.5, *grid(0, 60)),
    "step": (nan, 0, 1.5, 2, 7.5, 8, 10, 60),
    "torn": (0, 1),
    "mm": (nan, inf, -inf, -820, -600, -150, -25, -15, -10, 15, 30, 100, *grid(-40, 40)),
    "vibration": (nan, inf, 0, 0, 1, 2.5, 4.5, 5, 7, 50),
    "water": (nan, inf, 0, 220, 239.5, 240, 250, 270, 289.5, 290, 299.5, 300, 970, 1000, 5000),
    "open": SWITCH,
    "tilt_alarm": SWITCH,
    "water_alarm": SWITCH,
}
KNOWN: dict[str, tuple[str, int, tuple[float, ...]]] = {
    "creep": ("tilt", Tilt.CREEP, grid(0, 14)),
    "off": ("tilt", Tilt.OFF, grid(-4, 4)),
    "passes": ("tilt", Tilt.PASSES, (0, 0.003, 0.0078125, 0.015625, 0.25, 0.5, 0.75)),
    "watch": ("said", WATCH, (0, 8, 16, 32, 48, 16 + 64, 16 + 128, 8 + 32 + 192, 48 + 192)),
    "rough": ("tilt", Tilt.ROUGH, grid(0, 4, 0.25)),
    "base_deg": ("tilt", Tilt.BASE, (0, 2, 12, 20, 30, 60, 90, 92, 178)),
    "last": ("tilt", Tilt.LAST, (0, 7, 11, 14, 25, 85, 100, 165)),
    "z": ("tilt", Tilt.Z, (nan, 1)),
    "mm_before": ("sink", Sink.A, (0, 15, 30, -40)),
    "tilt_run": ("tilt", Tilt.RUN, (0, 1, 2, 3, 8, 16)),
    "since": ("tilt", Tilt.SINCE, (HOURS - 1, HOURS - 23.5, HOURS - 24, HOURS - 85, HOURS - 86, HOURS - 500)),
    "passing": ("tilt", Tilt.PASSING, (0, HOURS - 1, HOURS - 719, HOURS - 720)),
    "still": ("tilt", Tilt.STILL, (0, 1, 2, 39, 40, 41)),
    "moves": ("tilt", Tilt.MOVES, (0, 0.5, 0.75, 1)),
    "base": ("sink", Sink.BASE, (0, 5, 14.5, 15, 20, 40)),
    "sink_count": ("sink", Sink.COUNT, (1, 2, 3, 40)),
    "sink_since": ("sink", Sink.SINCE, (HOURS - 1, HOURS - 23.5, HOURS - 24, HOURS - 60, HOURS - 500)),
    "level": ("sink", Sink.LEVEL, grid(-40, 40)),
    "slow": ("sink", Sink.SLOW, grid(-10, 40)),
    "sink_run": ("sink", Sink.RUN, (0, 1, 2)),
    "swing_mm": ("sink", Sink.SWING, (0, 1, 2, 3)),
    "jitter": ("sink", Sink.JITTER, (0, 3, 4, 8)),
    "mean_mm": ("sink", Sink.MEAN, (0, 3, 5, 7.5, 10, 14)),
    "mean_day": ("sink", Sink.MEAN_DAY, (2500,)),
    "passed_1": ("sink", Sink.PASSED_1, (0, 2470, 2490, 2494)),
    "passed_2": ("sink", Sink.PASSED_2, (0, 2494, 2495)),
    "passed_3": ("sink", Sink.PASSED_3, (0, 2495.5, 2496)),
    "passed_4": ("sink", Sink.PASSED_4, (0, 2496.5, 2497)),
    "passed_5": ("sink", Sink.PASSED_5, (0, 2497.5, 2498)),
    "grain": ("sink", Sink.GRAIN, (0, 0.5, 1, 5)),
    "count": ("shock", Shock.COUNT, (0, 10, 16, 32)),
    "mean": ("shock", Shock.MEAN, (-3, 0, 1)),
    "score": ("shock", Shock.SCORE, (0, 1, 1.5, 2, 3, 4, 6, 8, 10.5, 14)),
    "step_count": ("shock", Shock.STEP_COUNT, (0, 16)),
    "step_mean": ("shock", Shock.STEP_MEAN, (0, 0.1, 0.4, 1)),
    "step_score": ("shock", Shock.STEP_SCORE, (0, 3, 4, 6, 7.5, 8, 10, 10.5, 14)),
    "hit": ("shock", Shock.HIT, (0, 0, HOURS - 10, HOURS - 24, HOURS - 48)),
    "hit_tilt": ("shock", Shock.HIT_TILT, grid(0, 3)),
    "hit_mm": ("shock", Shock.HIT_MM, grid(-3, 3)),
    "hit_run": ("shock", Shock.HIT_RUN, (0, 1, 2, 3)),
    "water_before": ("water", Water.BEFORE, (0, 100, 130, 200)),
    "water_run": ("water", Water.RUN, (0, 1, 2)),
    "water_count": ("water", Water.COUNT, (1, 2, 40)),
}
ROW = st.tuples(
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in READING.items()}),
    st.fixed_dictionaries({name: st.sampled_from(values) for name, (_, _, values) in KNOWN.items()}),
    st.lists(st.integers(0, 4), min_size=len(NAMES), max_size=len(NAMES)),
    st.integers(0, len(SETS) - 1),
)


def any_rows(seed: int, n: int) -> list[Any]:
    """As many as one sees in a year, much faster than hypothesis draws them."""
    rng = np.random.default_rng(seed)
    readings = {name: rng.choice(values, n).tolist() for name, values in READING.items()}
    known = {name: rng.choice(values, n).tolist() for name, (_, _, values) in KNOWN.items()}
    said = rng.integers(0, 5, (n, len(NAMES))).tolist()
    return [
        (
            {name: values[i] for name, values in readings.items()},
            {name: values[i] for name, values in known.items()},
            said[i],
            i % len(SETS),
        )
        for i in range(n)
    ]


def limits_of(rules: LidRules) -> dict[str, float]:
    """As float32 holds them: a limit of 0.8 is the same number on both sides."""
    own = {name: float(np.float32(getattr(rules, name))) for name in LidRules.model_fields}
    known = {
        "calm_deg": CALM_DEG,
        "crept_deg": CREPT_DEG,
        "felt_g": FELT_G,
        "part": PART,
        "seen_passes": SEEN_PASSES,
        "still_moves": STILL_MOVES,
    }
    return own | {name: float(value) for name, value in known.items()}


def same(fast: float, slow: float) -> bool:
    return (math.isnan(fast) and math.isnan(slow)) or math.isclose(fast, slow, rel_tol=1e-5)


def fast_judge(rows: list[Any]) -> tuple[list[dict[str, Any]], list[Any], LidState]:
    n = len(rows)
    state = LidState(n)
    for name, (part, column, _) in KNOWN.items():
        getattr(state, part)[:, column] = [known[name] for _, known, _, _ in rows]
    state.said[:, : len(NAMES)] = [said for _, _, said, _ in rows]

    def column(name: str) -> Any:
        return np.array([reading[name] for reading, _, _, _ in rows], np.float32)

    features = Features(
        sensor=np.arange(n, dtype=np.int32),
        time=np.full(n, 5, np.int64),
        hours=np.full(n, HOURS, np.float32),
        gap_s=column("gap"),
        gap_before_s=column("gap_before"),
        pace_s=column("pace"),
        scheduled=column("scheduled") > 0,
        events=column("events"),
        angle_deg=column("angle"),
        step_deg=column("step"),
        torn=column("torn") > 0,
        change_mm=column("mm"),
        displacement_mm=column("mm"),
        vibration_g=column("vibration"),
        water_mm=column("water"),
        open=column("open"),
        tilt_alarm=column("tilt_alarm"),
        water_alarm=column("water_alarm"),
        said=state.said.copy(),
    )
    class_of = np.array([of for _, _, _, of in rows], np.uint16)
    judged = judge(state, np.arange(n), features, Limits.of(SETS).at(class_of, np.arange(n)))
    fuses = judged.fuses
    told: list[dict[str, Any]] = [{} for _ in range(n)]
    for v in judged.verdicts(features):
        for i, sensor in enumerate(v.sensor.tolist()):
            reason = KEYS[v.reason[i]]
            told[sensor][v.hazard.value] = (int(v.level[i]), float(v.value[i]), float(v.limit[i]), reason)
    lit = [
        None
        if np.isinf(fuses.wait_s[i])
        else (
            float(fuses.wait_s[i]),
            NAMES[fuses.hazard[i]],
            int(fuses.level[i]),
            float(fuses.value[i]),
            float(fuses.limit[i]),
            KEYS[fuses.reason[i]],
        )
        for i in range(n)
    ]
    return told, lit, state


def slow_judge(row: Any) -> tuple[dict[str, Any], naive.Fuse | None, naive.Lid]:
    reading, known, said, of = row
    lid = naive.Lid(
        {**reading, "hours": HOURS}, dict(known), dict(zip(NAMES, said, strict=True)), limits_of(SETS[of])
    )
    lid.remember()
    doubt = lid.doubts()
    gone = naive.missing(lid, doubt)
    leaning, sunk = naive.tilted(lid, doubt, gone), naive.sunken(lid, doubt, gone)
    words = {
        "missing": gone,
        "tilted": leaning,
        "sunken": sunk,
        "loose": naive.loose(lid, gone),
        "damaged": naive.damaged(lid, gone),
        "flooded": naive.flooded(lid, doubt),
        "sensor_fault": naive.sensor_fault(lid),
    }
    # That it is not so is news only where it was said to be so.
    # Where nothing can be said any more, what was said still holds: there the word is None.
    told = {h: w for h, w in words.items() if (w is not None and w.level > 0) or lid.was(h) > 0}
    return told, naive.fuse(lid, doubt, gone, leaning, sunk), lid


def compare(rows: list[Any]) -> set[tuple[str, int]]:
    """Levels, values, limits and reasons; what silence will say; and what is remembered. → what was said."""
    heard = set()
    told, lit, state = fast_judge(rows)
    for i, row in enumerate(rows):
        expected, fuse, lid = slow_judge(row)
        assert set(told[i]) == set(expected)
        for hazard, word in expected.items():
            level, value, limit, reason = told[i][hazard]
            if word is None:
                assert level == NO_OPINION
                assert state.said[i, NAMES.index(hazard)] == row[2][NAMES.index(hazard)]
                continue
            assert (hazard, level, reason) == (hazard, word.level, word.reason)
            assert same(value, word.value), (hazard, value, word)
            assert same(limit, word.limit), (hazard, limit, word)
            assert state.said[i, NAMES.index(hazard)] == word.level
            heard.add((hazard, level))
        assert (lit[i] is None) == (fuse is None)
        if fuse is not None:
            wait, hazard, level, value, limit, reason = lit[i]
            assert (hazard, level, reason) == (fuse.hazard, fuse.level, fuse.reason)
            assert all(same(a, b) for a, b in ((wait, fuse.wait_s), (value, fuse.value), (limit, fuse.limit)))
        for name in ("tilt_run", "sink_run", "water_run", "hit", "hit_tilt", "hit_mm", "hit_run"):
            part, column, _ = KNOWN[name]
            assert same(getattr(state, part)[i, column], lid.known[name]), name
        watched = lid.turned or lid.shifted or lid.wet or lid.flickers or lid.known["hit"] > 0
        assert bool(state.said[i, WATCH] & 1) == watched
    return heard


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=4))
def test_every_opinion_is_that_of_the_slow_twin(rows: list[Any]) -> None:
    compare(rows)


@pytest.mark.parametrize("seed", range(3))
def test_a_year_of_opinions_is_that_of_the_slow_twin(seed: int) -> None:
    heard = compare(any_rows(seed, 8000))
    assert {hazard for hazard, level in heard if level >= 2} == set(NAMES)
    assert {hazard for hazard, level in heard if level == 0} == set(NAMES)
