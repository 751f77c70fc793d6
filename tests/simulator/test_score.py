"""Scores, worked by hand."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jingqiao.incidents.view import rfc3339
from simulator.score import Alarm, Rate, alarms_of, score
from simulator.score_summary import summary
from simulator.truth import TruthEvent

S = 1_000_000
DAY = 86_400 * S


def event(asset: str, hazard: str, onset: int, **more: object) -> TruthEvent:
    return TruthEvent(asset, (f"{asset}-s",), hazard, onset, "sudden", **more)  # type: ignore[arg-type]


def alarm(asset: str, hazard: str, at: int, severity: str = "red") -> Alarm:
    return Alarm(asset, (f"{asset}-s",), hazard, severity, at)


def test_delay_is_from_onset_to_the_first_alarm_that_names_the_hazard() -> None:
    truth = [event("a", "missing", 100 * S)]
    result = score(truth, [alarm("a", "missing", 130 * S), alarm("a", "missing", 110 * S)])
    assert result.found[0].delay_s == 10.0
    assert result.false == ()


def test_a_lid_that_leans_before_it_is_gone_is_no_false_alarm_and_no_detection() -> None:
    result = score([event("a", "missing", 100 * S)], [alarm("a", "tilted", 105 * S)])
    assert result.found[0].alarm is None
    assert result.false == ()
    assert dict(result.confusion) == {("missing", "tilted"): 1}


def test_an_alarm_before_the_onset_is_false() -> None:
    early = alarm("a", "sunken", 100 * S)
    result = score([event("a", "sunken", 1000 * S)], [early])
    assert result.false == (early,)
    assert result.found[0].alarm is None
    assert dict(result.confusion) == {("sunken", "nothing"): 1, ("nothing", "sunken"): 1}


def test_an_alarm_on_a_healthy_asset_or_of_another_kind_is_false() -> None:
    truth = [event("a", "flooded", 0)]
    wrong = [alarm("b", "flooded", 5 * S), alarm("a", "missing", 5 * S)]
    assert score(truth, wrong).false == tuple(wrong)


def test_an_alarm_long_after_the_hazard_ended_is_false() -> None:
    truth = [event("a", "flooded", 0, ended=3600 * S)]
    assert score(truth, [alarm("a", "flooded", DAY)]).false == ()
    late = alarm("a", "flooded", 2 * DAY)
    assert score(truth, [late]).false == (late,)


def test_an_optional_event_missed_costs_no_recall() -> None:
    truth = [event("a", "damaged", 0, required=False), event("b", "missing", 0)]
    told = summary(score(truth, [alarm("b", "missing", 4 * S)]))
    assert told["recall"] == 1.0
    assert told["missed"] == []


def test_a_gateway_is_matched_by_its_sensors() -> None:
    truth = [TruthEvent("", ("s1", "s2", "s3"), "silent", 0, "sudden")]
    said = Alarm("", ("s2", "s9"), "silent", "yellow", DAY)
    result = score(truth, [said])
    assert result.found[0].alarm == said
    assert result.false == ()


def test_warned_ahead_counts_back_from_the_limit() -> None:
    truth = [event("a", "sunken", 0, reaches_limit_at=30 * DAY)]
    told = summary(score(truth, [alarm("a", "sunken", 20 * DAY)]))
    assert told["by_hazard"]["sunken"]["ahead_of_limit_median_s"] == 10 * 86_400


def test_the_poisson_interval_is_the_tabulated_one() -> None:
    """Garwood's table: 0 → 0–3.689, 1 → 0.0253–5.572, 10 → 4.795–18.39."""
    for count, low, high in ((0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)):
        rate = Rate.of(count, 1000.0)
        assert rate.per_thousand == count
        assert math.isclose(rate.low, low, rel_tol=2e-3)
        assert math.isclose(rate.high, high, rel_tol=2e-3)
    assert math.isnan(Rate.of(3, math.nan).per_thousand)


def test_a_rate_is_scaled_to_a_thousand_lid_years() -> None:
    rate = Rate.of(2, 500.0)
    assert rate.per_thousand == 4.0
    assert math.isclose(rate.high, 7.225 * 2, rel_tol=1e-3)


def row(state: str, at: str, severity: str = "yellow") -> dict[str, object]:
    return {"asset_id": "a", "sensor_ids": ["a-s"], "hazard": "sunken", "severity": severity, "state": state,
            "event_at": at}  # fmt: skip


def test_a_graver_change_is_the_same_alarm_and_one_after_a_clear_another() -> None:
    rows = [
        row("firing", "1970-01-01T00:00:10Z"),
        row("firing", "1970-01-01T00:00:20Z", "orange"),
        row("clear", "1970-01-01T00:00:30Z"),
        row("firing", "1970-01-01T00:00:40Z"),
    ]
    first, second = alarms_of(rows)
    assert (first.at, first.severity) == (10 * S, "orange")
    assert (second.at, second.severity) == (40 * S, "yellow")


def test_a_doubt_of_yesterday_that_turns_red_by_the_theft_has_found_it() -> None:
    rows = [
        row("firing", "1970-01-01T00:00:10Z") | {"hazard": "missing"},
        row("firing", "1970-01-02T00:00:05Z", "red") | {"hazard": "missing"},
    ]
    (told,) = alarms_of(rows)
    result = score([event("a", "missing", DAY)], [told])
    assert (result.found[0].delay_s, result.found[0].paged_s) == (5.0, 5.0)
    assert result.false == ()
    assert score([event("a", "missing", 2 * DAY)], [told]).false == (told,)


def test_a_yellow_that_turns_red_is_found_at_once_and_paged_later() -> None:
    rows = [
        row("firing", "1970-01-01T00:00:10Z"),
        row("firing", "1970-01-01T00:00:40Z", "red"),
        row("firing", "1970-01-01T00:00:50Z", "orange"),
    ]
    result = score([event("a", "sunken", 0)], alarms_of(rows))
    assert (result.found[0].delay_s, result.found[0].paged_s) == (10.0, 40.0)
    told = summary(result)["by_hazard"]["sunken"]
    assert (told["found"], told["paged"], told["paged_p90_s"]) == (1, 1, 40.0)
    yellow = score([event("a", "sunken", 0)], alarms_of(rows[:1]))
    assert summary(yellow)["by_hazard"]["sunken"]["paged"] == 0


def test_water_that_comes_back_under_an_alarm_that_stands_is_found_by_it() -> None:
    truth = [
        event("a", "flooded", 10 * S, ended=100 * S),
        event("a", "flooded", 4000 * S, ended=5000 * S),
    ]
    standing = replace(alarm("a", "flooded", 12 * S, "orange"), cleared=6000 * S)
    result = score(truth, [standing])
    assert [f.alarm for f in result.found] == [standing, standing]
    assert summary(result)["by_hazard"]["flooded"]["delay_median_s"] == 2.0
    over = replace(standing, cleared=200 * S)
    assert [f.alarm for f in score(truth, [over]).found] == [over, None]
    false = replace(standing, at=-DAY, cleared=None)
    assert [f.alarm for f in score(truth[1:], [false]).found] == [None], "an alarm of nothing finds nothing"


def test_incidents_count_one_each_whatever_their_state() -> None:
    rows = [
        row("closed", "1970-01-01T00:00:10Z") | {"id": 1},
        row("open", "1970-01-01T00:00:20Z") | {"id": 2},
    ]
    assert len(alarms_of(rows)) == 2


def test_paging_false_alarms_are_counted_apart() -> None:
    result = score([], [alarm("a", "silent", 0, "yellow"), alarm("b", "missing", 0, "red")], 1000.0)
    told = summary(result)
    assert told["false_alarms"]["count"] == 2
    assert told["false_paging_alarms"] == {"count": 1, "per_1000_lid_years": 1.0, "low_95": 0.0253,
                                           "high_95": 5.5716}  # fmt: skip
    assert told["precision"] == 0.0


ASSETS, HAZARDS = st.sampled_from("abc"), st.sampled_from(["missing", "tilted", "sunken", "silent"])
ALARMS = st.lists(
    st.builds(alarm, ASSETS, HAZARDS, st.integers(0, 40).map(lambda day: day * DAY)), max_size=8
)
EVENTS = st.lists(
    st.builds(event, ASSETS, HAZARDS, st.integers(0, 40).map(lambda day: day * DAY)), max_size=5
)


@given(EVENTS, ALARMS, st.randoms())
def test_the_order_of_alarms_changes_nothing_and_strangers_are_false(truth, alarms, random) -> None:  # type: ignore[no-untyped-def]
    whole = score(truth, alarms)
    shuffled = list(alarms)
    random.shuffle(shuffled)
    again = score(truth, [*shuffled, alarm("stranger", "missing", 5 * DAY)])
    assert [f.alarm for f in whole.found] == [f.alarm for f in again.found]
    assert len(again.false) == len(whole.false) + 1
    assert all(f.delay_s >= 0 for f in whole.found if f.at is not None)
    assert len(whole.false) + sum(f.alarm is not None for f in whole.found) <= len(alarms) + len(truth)


def slow_clock(asset: str, by_s: float, onset: int, ended: int) -> TruthEvent:
    return event(asset, "sensor_fault", onset, ended=ended, required=False,
                 params={"kind": "sensor_clock", "value": by_s})  # fmt: skip


def test_an_alarm_of_a_sensor_whose_clock_the_truth_calls_slow_counts_when_it_measured() -> None:
    flood = event("a", "flooded", 10 * DAY, ended=11 * DAY)
    rang = alarm("a", "flooded", 10 * DAY - 7200 * S + 5 * S)
    result = score([flood, slow_clock("a", -7200.0, 9 * DAY, 12 * DAY)], [rang])
    assert result.found[0].delay_s == 5.0
    assert result.false == ()


def test_a_slow_clock_excuses_neither_another_sensor_nor_another_month() -> None:
    flood = event("a", "flooded", 10 * DAY, ended=11 * DAY)
    early = alarm("a", "flooded", 10 * DAY - 7200 * S)
    for named in (
        [],
        [slow_clock("b", -7200.0, 9 * DAY, 12 * DAY)],
        [slow_clock("a", -7200.0, 2 * DAY, 3 * DAY)],
    ):
        result = score([flood, *named], [early])
        assert [one.at for one in result.false] == [early.at]
        assert result.found[0].alarm is None


def test_an_alarm_before_the_harm_is_false_by_a_slow_clock_too() -> None:
    flood = event("a", "flooded", 10 * DAY, ended=11 * DAY)
    early = alarm("a", "flooded", 9 * DAY + 3600 * S)
    assert score([flood, slow_clock("a", -7200.0, 9 * DAY, 12 * DAY)], [early]).false


def test_an_alarm_whose_time_the_engine_has_put_right_counts_as_it_stands() -> None:
    flood = event("a", "flooded", 10 * DAY, ended=11 * DAY)
    slow = slow_clock("a", -7200.0, 9 * DAY, 12 * DAY)
    (rang,) = alarms_of(
        [
            {
                "asset_id": "a",
                "sensor_ids": ["a-s"],
                "hazard": "flooded",
                "severity": "red",
                "state": "firing",
                "event_at": rfc3339(10 * DAY + 5 * S),
                "evidence": {"clock_slow_s": 7200.0},
            }
        ]
    )
    assert score([flood, slow], [rang]).found[0].delay_s == 5.0
    assert score([flood, slow], [replace(rang, corrected=False)]).found[0].delay_s == 7205.0
