"""One woken message against what else it says: contact, height, a shock, a second message, silence."""

from __future__ import annotations

import numpy as np
import pytest

from rules.lid.schedule import Pace, on_schedule
from tests.support.lid_rounds import SECOND, START, Life, city, frame

HOUR = 3600.0
DAY = 24 * HOUR
LAST = 20 * DAY
WOKEN = LAST + 2.4 * HOUR
"""Off schedule: something woke the sensor."""
NEXT = LAST + 6 * HOUR


def settled(**level: float) -> Life:
    """Twenty days of a sleeper that reports every six hours and is never woken."""
    life = Life()
    rng = np.random.default_rng(4)
    for k in range(round(LAST / 6 / HOUR) + 1):
        noisy = {n: v if n == "open" else v + rng.normal(0, 0.05) for n, v in level.items()}
        life.reads(k * 6 * HOUR, **noisy)
    return life


def gravest(life: Life) -> str:
    """Gravest colour that fired, of any hazard of lids; "" = nothing."""
    order = ["", "blue", "yellow", "orange", "red"]
    told = [c.severity.colour for c in life.said if c.state.value == "firing" and c.hazard.value != "silent"]
    return max(told, key=order.index, default="")


@pytest.mark.parametrize(
    ("usual", "wild"),
    [
        ({"tilt_deg": 2, "open": 0}, {"tilt_deg": 48, "open": 0}),
        ({"tilt_deg": 2, "displacement_mm": 0}, {"tilt_deg": 41, "displacement_mm": 0.4}),
        ({"tilt_deg": 2, "displacement_mm": 0}, {"tilt_deg": 2, "displacement_mm": -48}),
        ({"tilt_deg": 2, "vibration_g": 1.5}, {"tilt_deg": 41, "vibration_g": 4.3}),
        (
            {"tilt_deg": 2, "displacement_mm": 0, "vibration_g": 1.5},
            {"tilt_deg": 4.2, "displacement_mm": 22, "vibration_g": 4.3},
        ),
    ],
)
def test_a_woken_message_that_belies_itself_is_yellow_at_once_and_pages_with_the_second(
    usual: dict[str, float], wild: dict[str, float]
) -> None:
    """Contact closed, surface in its place, a shock that may have woken it: look, but wake nobody yet."""
    life = settled(**usual)
    life.reads(WOKEN, **wild)
    life.passes(WOKEN + 60)
    assert gravest(life) == "yellow"
    alone = settled(**usual)
    alone.reads(WOKEN, **wild)
    alone.reads(NEXT, **usual)
    alone.passes(NEXT + DAY / 8)
    assert gravest(alone) == "yellow"
    life.reads(WOKEN + 9 + 60, **wild)
    life.passes(WOKEN + 100)
    assert gravest(life) in ("orange", "red")


def test_an_hourly_sensor_that_is_woken_by_a_lean_says_so_before_its_next_reading() -> None:
    life = Life()
    for hour in range(72):
        life.reads(hour * HOUR, tilt_deg=2, displacement_mm=0.5)
    life.reads(71.3 * HOUR, tilt_deg=20, displacement_mm=0.7)
    life.passes(71.3 * HOUR + 60)
    assert gravest(life) == "yellow"
    life.reads(72 * HOUR, tilt_deg=20.4, displacement_mm=0.6)
    life.passes(72 * HOUR + 60)
    assert gravest(life) == "orange"


@pytest.mark.parametrize(
    ("usual", "harm"),
    [
        ({"tilt_deg": 2, "vibration_g": 1.5}, {"tilt_deg": 78, "vibration_g": 4.3}),
        ({"tilt_deg": 2, "displacement_mm": 0}, {"tilt_deg": 78, "displacement_mm": 0.4}),
        ({"tilt_deg": 2, "displacement_mm": 0}, {"tilt_deg": 2, "displacement_mm": 60}),
    ],
)
def test_a_woken_message_that_nothing_belies_is_red_within_the_budget(
    usual: dict[str, float], harm: dict[str, float]
) -> None:
    """There may be no second one. A height may be the last echo; what sinks evenly lies level."""
    life = settled(**usual)
    life.reads(WOKEN, **harm)
    life.passes(WOKEN + 20)
    assert gravest(life) == "red"


def test_a_sensor_that_wheels_often_wake_is_believed_at_once_when_no_wheel_woke_it() -> None:
    """It felt much less than wheels make it feel: what woke it was its angle."""
    told = {}
    for felt in (1.3, 2.6):
        life, rng = Life(city(heartbeat_s=8 * HOUR)), np.random.default_rng(2)
        for k in range(160):
            at = (k // 2 * 8 + (k % 2) * rng.uniform(1, 7)) * HOUR
            wheel = {"vibration_g": rng.uniform(2.3, 3)} if k % 2 else {"vibration_g": rng.uniform(1, 2)}
            life.reads(at, tilt_deg=2 + rng.normal(0, 0.05), **wheel)
        theft = 79 * 8 * HOUR + 11.4 * HOUR
        life.reads(theft, tilt_deg=101, vibration_g=felt)
        life.passes(theft + 60)
        told[felt] = gravest(life)
    assert told == {1.3: "red", 2.6: "yellow"}


def test_two_wild_samples_that_are_not_alike_page_nobody() -> None:
    life = settled(tilt_deg=2)
    life.reads(NEXT, tilt_deg=78)
    life.reads(NEXT + 6 * HOUR, tilt_deg=114)
    life.reads(NEXT + 12 * HOUR, tilt_deg=2)
    life.passes(NEXT + 13 * HOUR)
    assert gravest(life) == "yellow"


def test_a_median_of_two_wild_heights_among_three_pages_nobody() -> None:
    life = settled(tilt_deg=2, displacement_mm=0)
    for k, height in enumerate((43.0, -81.0, 0.0)):
        life.reads(NEXT + k * 6 * HOUR, tilt_deg=2, displacement_mm=height)
    life.passes(NEXT + 13 * HOUR)
    assert gravest(life) in ("blue", "yellow")


def test_a_sensor_that_jumps_and_then_stands_still_under_a_closed_contact_pages_nobody() -> None:
    """Fitted 25° askew, it stuck at 1.7°: no lid lies so still, and the contact says closed."""
    life = settled(tilt_deg=27, open=0)
    for k in range(12):
        life.reads(NEXT + k * 6 * HOUR, tilt_deg=1.7, open=0)
    life.passes(NEXT + 5 * DAY)
    assert gravest(life) in ("blue", "yellow")
    moved = settled(tilt_deg=27, open=0)
    for k in range(4):
        moved.reads(NEXT + k * 6 * HOUR, tilt_deg=1.7 + 0.1 * k, open=0)
    assert gravest(moved) == "orange"


def test_a_sensor_that_jumps_and_then_feels_nothing_at_all_pages_nobody() -> None:
    """It used to feel wheels; a lid ajar still does."""
    life = settled(tilt_deg=27, vibration_g=1.5)
    for k in range(12):
        life.reads(NEXT + k * 6 * HOUR, tilt_deg=1.7, vibration_g=0)
    for after_s in (0, 4):  # a storm wakes it, and it is still the same
        life.reads(NEXT + 68.5 * HOUR + after_s, tilt_deg=1.7, vibration_g=0)
    assert gravest(life) in ("blue", "yellow")
    ajar = settled(tilt_deg=27, vibration_g=1.5)
    for k in range(3):
        ajar.reads(NEXT + k * 6 * HOUR, tilt_deg=1.7, vibration_g=1.3)
    assert gravest(ajar) == "orange"


def test_a_sensor_that_wheels_often_wake_and_that_is_dead_and_denied_pages_nobody() -> None:
    """Its contact says closed, and it feels nothing of the wheels that used to wake it."""
    at, told = LAST, {}
    for then in ({"tilt_deg": 1.7, "vibration_g": 0.0}, {"tilt_deg": 2.0, "vibration_g": 2.5}):
        life = settled(tilt_deg=27, vibration_g=1.5, open=0)
        for k in range(40):
            at = LAST + (k // 2 * 6 + (k % 2) * (1.3 + 0.08 * (k % 9))) * HOUR + 600
            stuck = then if k >= 30 else {"tilt_deg": 27 + 0.1 * (k % 3), "vibration_g": 2.4}
            more = 0.1 * (k % 2) if then["vibration_g"] else 0.0
            life.reads(at, **{**stuck, "tilt_deg": stuck["tilt_deg"] + more, "open": 0})
        told[then["vibration_g"]] = gravest(life)
    assert told[0.0] in ("blue", "yellow")
    assert told[2.5] == "orange"


def test_a_sensor_that_dies_while_its_lid_lies_open_under_work_pages_nobody_when_work_ends() -> None:
    usual: dict[str, float] = {"tilt_deg": 17.5, "displacement_mm": 0, "vibration_g": 1.5}
    life = settled(**usual)
    begin, end = START + int(WOKEN - 600) * SECOND, START + int(WOKEN + 2 * HOUR) * SECOND
    payload = {"asset_id": "A0", "from": begin, "to": end, "kind": "permit"}
    life.said += life.engine.control("permit", payload, begin)
    life.reads(WOKEN, tilt_deg=30.5, displacement_mm=-150, vibration_g=3.6)
    for minutes in (15, 45, 75):
        life.reads(WOKEN + 60 * minutes, tilt_deg=1.5, displacement_mm=1, vibration_g=0)
    life.passes(WOKEN + 3 * HOUR)
    for k in range(4):
        life.reads(NEXT + k * 6 * HOUR, tilt_deg=1.5, displacement_mm=1, vibration_g=0)
    assert gravest(life) == "yellow"


def test_a_height_that_trembles_is_not_sunken_because_the_next_readings_were_lost() -> None:
    life = Life()
    rng = np.random.default_rng(4)
    for k in range(80):
        life.reads(k * 6 * HOUR, tilt_deg=2, displacement_mm=float(np.clip(rng.normal(0, 8), -14, 14)))
    life.reads(80 * 6 * HOUR, tilt_deg=2, displacement_mm=18)
    life.passes(83.5 * 6 * HOUR)
    assert gravest(life) in ("", "blue", "yellow")
    life.reads(84 * 6 * HOUR, tilt_deg=2, displacement_mm=70)
    life.passes(87 * 6 * HOUR)
    assert gravest(life) in ("orange", "red"), "what is beyond its trembling is"


def test_a_surface_that_rises_for_months_is_told_in_yellow_and_one_that_springs_up_pages() -> None:
    """A lid leaves its seat at once; the road around it settles, or the sensor drifts, for months."""
    slow = settled(tilt_deg=2, displacement_mm=0)
    for k in range(400):
        slow.reads(NEXT + k * 6 * HOUR, tilt_deg=2, displacement_mm=-0.04 * k)
    slow.passes(NEXT + 101 * DAY)
    assert gravest(slow) == "yellow"
    sprung = settled(tilt_deg=2, displacement_mm=0)
    for k in range(3):
        sprung.reads(NEXT + k * 6 * HOUR, tilt_deg=2, displacement_mm=-22)
    assert gravest(sprung) == "orange"


def test_a_lid_that_was_being_lifted_when_its_sensor_fell_silent_is_suspected_stolen() -> None:
    life = settled(tilt_deg=2)
    life.reads(WOKEN, tilt_deg=15)
    life.passes(WOKEN + 12 * HOUR)
    assert [h for h, state, colour, _ in life.alarms("missing") if colour == "red"] == []
    life.passes(WOKEN + 14 * HOUR)
    assert [(h, colour) for h, state, colour, _ in life.alarms("missing")] == [("missing", "red")]


def test_a_lean_that_goes_on_for_days_and_then_falls_silent_is_no_theft() -> None:
    life = settled(tilt_deg=2)
    for k in range(8):
        life.reads(NEXT + k * 6 * HOUR, tilt_deg=14 + 0.1 * (k % 2))
    life.passes(NEXT + 5 * DAY)
    assert life.alarms("missing") == []


@pytest.mark.parametrize(
    ("fitted", "shows", "told"),
    [
        (2.2, 11.3, True),  # 9.1° more, of a lid that has turned by 11°
        (12.0, 7.0, True),  # 5° less: it may have turned by as much as 19°
        (2.2, 7.0, False),  # no more than 9°
        (12.0, 10.0, False),
    ],
)
def test_a_turn_that_one_inclination_hardly_sees_is_told_in_yellow(
    fitted: float, shows: float, told: bool
) -> None:
    life = settled(tilt_deg=fitted)
    for k, after in enumerate((0.0, 9.0, 60.0)):
        life.reads(WOKEN + after, tilt_deg=shows + 0.05 * k)
    life.passes(WOKEN + 120)
    assert gravest(life) == ("yellow" if told else "")


def test_axes_leave_nothing_to_guess() -> None:
    life = settled(tilt_x_deg=12, tilt_y_deg=0)
    for after in (0.0, 9.0, 60.0):
        life.reads(WOKEN + after, tilt_x_deg=7, tilt_y_deg=0)
    life.passes(WOKEN + 120)
    assert gravest(life) == ""


def test_a_sensor_that_was_dead_while_it_learned_finds_no_loose_lid_when_it_is_mended() -> None:
    life = Life()
    rng = np.random.default_rng(2)
    for k in range(4 * 60):
        dead = 4 <= k < 120
        values = (
            {"tilt_deg": 1.7, "vibration_g": 0.0}
            if dead
            else {"tilt_deg": 1 + rng.normal(0, 0.1), "vibration_g": float(rng.lognormal(0.1, 0.4))}
        )
        life.reads(k * 6 * HOUR, **values)
    assert life.alarms("loose") == []


def test_a_wild_first_frame_of_axes_is_no_baseline_beside_sensors_that_send_inclinations() -> None:
    """The round has a column of inclinations, of which this sensor has sent none."""
    life = Life(city(2))
    life.reads(0, tilt_x_deg=-19.2, tilt_y_deg=-1.4)
    for k in range(1, 12):
        rows = [(0, {"tilt_x_deg": 0.3, "tilt_y_deg": -1.4}), (1, {"tilt_deg": 2.0})]
        at = START + int(k * 6 * HOUR) * SECOND
        life.said += life.engine.apply(frame([(sensor, at, values) for sensor, values in rows]))
    assert [c for c in life.said if c.hazard.value == "tilted"] == []


def test_an_event_between_two_beats_does_not_teach_its_own_gap() -> None:
    """A beat after the first message, with an event three hours before: the pace is the beat."""
    hour = 3_600_000_000
    pace = Pace(*(np.zeros(1, np.float32) for _ in range(2)), np.zeros(1, np.int64))
    beat = np.array([43_200], np.float32)
    last, gap = 0, np.zeros(1, np.float32)
    for at in (0, 9, 12):
        time = np.array([START + at * hour])
        before, gap = gap, np.array([(time[0] - last) / 1e6 if last else 0], np.float32)
        last = int(time[0])
        scheduled, pace = on_schedule(time, gap, before, beat, pace, np.ones(1, bool))
    assert bool(scheduled[0])
    assert pace.pace_s[0] == pytest.approx(43_200, abs=1)


def test_a_lid_that_is_missing_is_neither_tilted_nor_loose_besides() -> None:
    """One message, then silence for days; and a lid that lies beside its well moves with the sun."""
    for then in (0, 40):
        life = settled(tilt_deg=2)
        life.reads(WOKEN, tilt_deg=104)
        for k in range(then):
            life.reads(WOKEN + (k + 1) * 6 * HOUR, tilt_deg=104 + 1.2 * (k % 2))
        life.passes(WOKEN + 11 * DAY)
        told = {c.hazard.value for c in life.said if c.state.value == "firing"}
        assert told - {"silent"} == {"missing"}, then


def test_a_wheel_whose_recovery_and_next_beat_are_lost_is_no_theft_yet() -> None:
    """Radios that lose 15 % of messages lose three running every day of a thousand hourly sensors."""
    life = Life(city(heartbeat_s=HOUR))
    for k in range(240):
        life.reads(k * HOUR, tilt_deg=2 + 0.05 * (k % 3))
    wheel = 239 * HOUR + 1500
    life.reads(wheel, tilt_deg=14)
    life.passes(wheel + 3.5 * HOUR)
    assert gravest(life) in ("", "blue", "yellow")
    life.passes(wheel + 4.5 * HOUR)
    assert gravest(life) == "red", "and silence that lasts is one"


def test_beats_of_which_every_second_was_lost_twice_running_are_no_slower_pace() -> None:
    """A wild height comes on the very beat after it, and is one sample on schedule."""
    life, at = Life(city(heartbeat_s=600)), 0.0
    for k in range(200):
        at += 1200 if k in (197, 198) else 600
        life.reads(at + (k % 3 - 1), displacement_mm=-1 + 0.1 * (k % 2))
    life.reads(at + 602, displacement_mm=60)
    life.reads(at + 1200, displacement_mm=-1)
    life.passes(at + 1500)
    assert gravest(life) in ("blue", "yellow")


@pytest.mark.parametrize(("days", "leans", "told"), [(3, 13.0, True), (0.4, 13.0, False), (3, 7.0, False)])
def test_a_lean_that_stays_under_a_contact_that_stays_closed_is_told_by_the_days_mean(
    days: float, leans: float, told: bool
) -> None:
    """Fitted 5° askew, ajar by 16°, of which the inclination shows 8°; its magnet is where it lies."""
    life = Life(city(heartbeat_s=4 * HOUR))
    for k in range(60):
        life.reads(4 * k * HOUR, tilt_deg=5.0, open=0.0)
    for k in range(60, 60 + round(6 * days)):
        life.reads(4 * k * HOUR, tilt_deg=leans, open=0.0)
    assert [(h, state, colour) for h, state, colour, _ in life.alarms("tilted")] == (
        [("tilted", "firing", "yellow")] if told else []
    )
