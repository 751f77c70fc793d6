"""What comes too late pages nobody, but it is no longer forgotten when the sensor next speaks in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from config.rules import RuleSet
from jingqiao.backtest.run import advance, backtest
from rules.engine import Engine
from tests.support.lid_rounds import DAY, HOUR, SECOND, START, Life, city, frame

H = 3600.0
STOLEN = {"tilt_deg": 95.0}
FLAT = {"tilt_deg": 1.2}


def rested(values: Mapping[str, float] = FLAT) -> Life:
    """Ten days of rest, until 240 h."""
    life = Life(city())
    for k in range(41):
        life.reads(6 * k * H, 0, **values)
    return life


def fills(life: Life, words: Sequence[tuple[float, Mapping[str, float]]], came_h: float = 250) -> None:
    """Readings of so many hours after the start that come together, hours late."""
    life.passes(came_h * H)
    rows = [(0, START + round(h * HOUR), values) for h, values in words]
    late = frame(rows)
    late.received[:] = START + round(came_h * HOUR)
    life.said += life.engine.apply(late)


def colours(life: Life) -> list[tuple[str, str, float]]:
    """(state, colour, hours) of what was said of a missing lid that is no history."""
    return [
        (c.state.value, c.severity.colour, round((c.event_at - START) / HOUR, 1))
        for c in life.said
        if c.hazard.value == "missing" and not c.historical
    ]


THEFT = [(241.0, STOLEN), (241.01, STOLEN), (242.0, STOLEN)]


def test_the_first_timely_sample_after_an_outage_is_confirmed_by_what_was_back_filled() -> None:
    life = rested()
    fills(life, THEFT)
    assert colours(life) == []
    life.reads(252 * H, 0, **STOLEN)
    life.passes(252 * H + 60)
    assert colours(life) == [("firing", "yellow", 250.0), ("firing", "red", 252.0)]


def test_a_last_word_that_shows_a_danger_is_told_in_yellow_and_cleared_only_by_a_timely_one() -> None:
    life = rested()
    fills(life, THEFT)
    fills(life, [(242.5, FLAT)], came_h=251)
    assert colours(life) == [("firing", "yellow", 250.0)]
    assert "last_word" in next(c for c in life.said if not c.historical and c.hazard == "missing").reason.key
    life.reads(258 * H, 0, **FLAT)
    life.passes(262 * H)
    assert colours(life) == [("firing", "yellow", 250.0), ("clear", "yellow", 258.0)]


@pytest.mark.parametrize("after", [252.0, 250.02])
def test_a_lid_that_lies_flat_again_at_the_end_of_its_back_fill_is_not_told(after: float) -> None:
    life = rested()
    fills(life, [*THEFT, (243.0, FLAT)])
    life.reads(after * H, 0, **FLAT)
    life.passes(258 * H)
    assert colours(life) == []


def test_a_single_wild_sample_is_refuted_by_a_back_fill_that_lies_flat() -> None:
    """Wild, then flat by what came late, then wild again: neither has company."""
    life = rested()
    life.reads(246 * H, 0, **STOLEN)
    fills(life, [(247.0, FLAT)], came_h=254)
    life.reads(258 * H, 0, **STOLEN)
    life.passes(258 * H + 60)
    assert [c[:2] for c in colours(life)] == [("firing", "yellow")]


def test_an_open_contact_that_was_back_filled_confirms_the_next_and_its_doubt_is_told_rightly() -> None:
    both = {"tilt_deg": 95.0, "open": 1.0}
    life = rested({**FLAT, "open": 0.0})
    fills(life, [(241.0, both), (242.0, both)])
    life.reads(252 * H, 0, **both)
    life.passes(252 * H + 60)
    assert colours(life)[-1] == ("firing", "red", 252.0)
    lone = rested({**FLAT, "open": 0.0})
    lone.reads(246 * H, 0, **both)
    lone.passes(246 * H + 60)
    doubt = next(c for c in lone.said if c.hazard.value == "missing")
    assert (doubt.severity.colour, doubt.reason.key) == ("yellow", "rules_lid.missing.unconfirmed")
    assert doubt.value == pytest.approx(93.8, abs=0.1)


def test_old_back_fill_counts_for_nothing_once_something_newer_was_timely() -> None:
    life = rested()
    fills(life, [(h - 20, v) for h, v in THEFT])
    life.reads(252 * H, 0, **STOLEN)
    life.passes(252 * H + 60)
    assert colours(life) == [("firing", "yellow", 252.0)]


def test_one_word_after_the_other_or_in_one_frame_the_same_is_said() -> None:
    rest = [(0, START + k * 6 * HOUR, FLAT, 0) for k in range(41)]
    late = [(0, START + round(h * HOUR), v, 250 * HOUR) for h, v in THEFT]
    after = [(0, START + h * HOUR, STOLEN, 0) for h in (252, 258)]
    rows = rest + late + after
    whole = frame([row[:3] for row in rows])
    for i, (_, time, _, came) in enumerate(rows):
        whole.received[i] = START + came if came else time + SECOND // 5
    file = backtest(city(), RuleSet(), whole).changes
    engine = Engine(city(), RuleSet())
    single = engine.control("await_first_word", {}, int(whole.received[0]))
    for i in range(len(rows)):
        single += advance(engine, int(whole.received[i]))
        single += engine.apply(whole.take(slice(i, i + 1)))
    single += engine.finish(int(whole.received[-1]))
    said = [[(c.hazard, c.state, c.severity, c.event_at, c.historical) for c in it] for it in (file, single)]
    assert said[0] == said[1]
    assert said[0][-1][3] - START > DAY


def test_the_last_word_survives_a_restart() -> None:
    life = rested()
    fills(life, THEFT)
    again = Engine(life.registry, life.engine.rules)
    again.restore(life.engine.snapshot())
    life.engine = again
    life.reads(252 * H, 0, **STOLEN)
    life.passes(252 * H + 60)
    assert colours(life)[-1] == ("firing", "red", 252.0)


def test_a_fault_that_stands_of_the_sensor_hides_no_last_word() -> None:
    life = Life(city())
    for k in range(120):
        life.reads(2 * k * H, 0, tilt_deg=1.2 + 0.3 * (k % 2))
    for k in range(120, 200):
        life.reads(2 * k * H, 0, tilt_deg=1.2)
    assert [c.reason.key for c in life.said if c.hazard.value == "sensor_fault"][-1].endswith("stuck")
    fills(life, [(399.0, STOLEN), (399.5, STOLEN)], came_h=408)
    life.passes(409 * H)
    assert ("firing", "yellow", 408.0) in colours(life)
