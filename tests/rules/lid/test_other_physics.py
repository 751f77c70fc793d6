"""Sensors that are built, fitted and shaken otherwise than our simulator's: what still holds."""

from __future__ import annotations

import numpy as np

from tests.rules.lid.test_scenarios import DAY, HOUR
from tests.support.lid_rounds import SECOND, START, Life, city, frame


def hourly(life: Life, hours: int, seed: int = 1, **level: float) -> float:
    """Regular readings from the start; time of the last of them [s]."""
    rng = np.random.default_rng(seed)
    for k in range(hours + 1):
        life.reads(k * HOUR, **{name: value + rng.normal(0, 0.1) for name, value in level.items()})
    return hours * HOUR


def paged(life: Life) -> list[tuple[str, str]]:
    """(hazard, colour) of what fired in orange or red."""
    return [
        (hazard, colour)
        for hazard, state, colour, _ in life.alarms()
        if state == "firing" and colour in ("orange", "red")
    ]


def test_a_wild_sample_after_a_lost_message_pages_nobody() -> None:
    """The gap is twice the usual one, but the sample came when the schedule says; no heartbeat is known."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2)
    life.reads(at + 2 * HOUR, tilt_deg=120)
    life.reads(at + 3 * HOUR, tilt_deg=2)
    life.reads(at + 5 * HOUR, tilt_deg=90)
    life.reads(at + 6 * HOUR, tilt_deg=2)
    life.passes(at + 7 * HOUR)
    assert paged(life) == []


def test_a_frame_that_is_wild_in_every_channel_pages_nobody() -> None:
    """Inclination and axes are of no one rotation: that is no second opinion."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2, tilt_x_deg=2, tilt_y_deg=0, displacement_mm=0)
    life.reads(at + HOUR, tilt_deg=31, tilt_x_deg=150, tilt_y_deg=77, displacement_mm=-80)
    life.reads(at + 2 * HOUR, tilt_deg=2, tilt_x_deg=2, tilt_y_deg=0, displacement_mm=0)
    life.passes(at + 3 * HOUR)
    assert paged(life) == []


def test_a_lid_in_somebodys_hands_is_red_from_one_sample_in_two_channels() -> None:
    """Turned and lifted, on schedule: an hourly sensor need not be asked twice."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2, displacement_mm=0)
    life.reads(at + HOUR, tilt_deg=75, displacement_mm=-180)
    life.passes(at + HOUR + 20)
    assert paged(life) == [("missing", "red")]


def test_a_wild_sample_of_a_slow_sampler_that_opens_its_contact_too_pages_nobody() -> None:
    """Told in yellow, for it may be a theft; the next one takes it back."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2, open=0)
    life.reads(at + HOUR, tilt_deg=131, open=1)
    life.passes(at + HOUR + 600)
    assert [row[:3] for row in life.alarms()] == [("missing", "firing", "yellow")]
    life.reads(at + 2 * HOUR, tilt_deg=2, open=0)
    life.passes(at + 9 * HOUR)
    assert paged(life) == []


def test_an_open_contact_of_a_slow_sampler_is_red_with_the_second_sample_or_after_silence() -> None:
    """What nobody takes back is a theft."""
    again, silent = Life(city(heartbeat_s=None)), Life(city(heartbeat_s=None))
    for life in (again, silent):
        at = hourly(life, 60, tilt_deg=2, open=0)
        life.reads(at + HOUR, tilt_deg=131, open=1)
    again.reads(at + 2 * HOUR, tilt_deg=131, open=1)
    again.passes(at + 2 * HOUR + 30)
    silent.passes(at + 4 * HOUR)
    assert paged(again) == paged(silent) == [("missing", "red")]


def test_an_open_contact_that_woke_a_slow_sampler_is_red_at_once() -> None:
    """One message off schedule, and nothing after it."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2, open=0)
    life.reads(at + 1500, tilt_deg=131, open=1)
    life.passes(at + 1530)
    assert paged(life) == [("missing", "red")]


def test_a_slow_sampler_turned_and_hardly_lifted_in_one_wild_sample_pages_nobody() -> None:
    """Neither channel is sure: forty millimetres are no lid that has left its frame."""
    life = Life(city(heartbeat_s=None))
    at = hourly(life, 60, tilt_deg=2, displacement_mm=0)
    life.reads(at + HOUR, tilt_deg=131, displacement_mm=-40)
    life.reads(at + 2 * HOUR, tilt_deg=2, displacement_mm=0)
    life.passes(at + 3 * HOUR)
    assert paged(life) == []


def test_a_burst_about_a_lid_ajar_is_not_followed_by_suspected_theft() -> None:
    """Three messages within seconds say nothing of how long a sleeper may be silent."""
    life = Life(city(heartbeat_s=None))
    for k in range(16):
        life.reads(k * 6 * HOUR, tilt_deg=2)
    at = 15 * 6 * HOUR
    for k in range(3):
        life.reads(at + HOUR + k, tilt_deg=22)
    life.passes(at + 6 * HOUR)
    assert paged(life) == [("tilted", "orange")]


def test_silence_after_a_large_movement_is_counted_by_the_sensors_own_pace() -> None:
    """It sent every hour though the registry says daily: red after little more than two hours."""
    life = Life(city(heartbeat_s=86_400))
    at = hourly(life, 60, tilt_deg=2)
    life.reads(at + 1500, tilt_deg=25)
    life.passes(at + 1500 + 3 * HOUR)
    assert ("missing", "firing", "red") in [row[:3] for row in life.alarms()]


def swinging(life: Life, days: int, drift: float = 0.0, seed: int = 5) -> float:
    """A noisy sensor that swings by ± 4.5° with the sun, every half hour."""
    rng = np.random.default_rng(seed)
    at = 0.0
    for k in range(days * 48):
        at = k * 1800.0
        sun = 4.5 * np.sin(2 * np.pi * at / DAY)
        life.reads(at, tilt_deg=90 + sun + drift * max(0.0, at / DAY - 5) + rng.normal(0, 0.8))
    return at


def test_a_sensor_that_swings_with_the_sun_is_judged_from_the_mean_of_its_day() -> None:
    """Fitted when it was coldest, it swings by nine degrees to one side only."""
    life = Life()
    swinging(life, 6)
    assert life.alarms("tilted", "missing") == []


def test_a_sensor_that_creeps_and_swings_is_a_fault_of_the_sensor_told_once() -> None:
    """A third of a degree a day, for weeks: no seat gives way like that."""
    life = Life()
    swinging(life, 45, drift=0.35)
    assert paged(life) == []
    told = [row[:2] for row in life.alarms("sensor_fault")]
    assert told == [("sensor_fault", "firing")]


def test_a_wheel_that_is_caught_on_a_sensor_that_has_crept_pages_nobody() -> None:
    """Twelve degrees of creep are no first opinion of a lid ajar."""
    life = Life()
    for k in range(40 * 24):
        tilt = 2 + 0.35 * max(0.0, k / 24 - 3)
        life.reads(k * HOUR, tilt_deg=tilt + (9.0 if k == 39 * 24 else 0.0))
    assert paged(life) == []


def rocking(life: Life, every_h: float, days: int, play: float, since_day: int, seed: int = 2) -> None:
    """Wheels leave the lid at another place within its play each time."""
    rng = np.random.default_rng(seed)
    for at in np.arange(0, days * DAY, every_h * HOUR):
        rest = rng.uniform(-0.5, 0.5) * (play if at >= since_day * DAY else 0.0)
        life.reads(float(at), tilt_deg=4 + rest + rng.normal(0, 0.1))


def test_a_lid_that_rocks_to_both_sides_of_its_seat_is_loose_within_two_days() -> None:
    """The turn since the baseline is the same on either side; the steps are not. By inclination alone."""
    life = Life(city(heartbeat_s=3600))
    rocking(life, 1, 14, play=4, since_day=10)
    fired = [at for _, state, _, at in life.alarms("loose") if state == "firing"]
    assert fired
    assert 10 * DAY < fired[0] <= 12 * DAY


def test_a_sleeper_that_reports_every_six_hours_finds_a_loose_lid_within_two_days() -> None:
    """Eight readings of it are enough."""
    life = Life()
    rocking(life, 6, 40, play=5, since_day=30)
    fired = [at for _, state, _, at in life.alarms("loose") if state == "firing"]
    assert fired
    assert 30 * DAY < fired[0] <= 32 * DAY


def test_a_coarse_scale_that_flickers_between_two_neighbours_does_not_rock() -> None:
    """A lid that rests on the border of two steps of 1°, after weeks in the middle of one."""
    life, rng = Life(city(heartbeat_s=3600)), np.random.default_rng(9)
    for k in range(24 * 30):
        rest = 4.0 if k < 24 * 20 else 4.5
        life.reads(k * HOUR, tilt_deg=float(np.round(rest + rng.normal(0, 0.15))))
    assert life.alarms("loose", "sensor_fault") == []


def test_a_lid_that_rocks_between_two_seats_is_loose_though_wheels_are_often_caught_on_it() -> None:
    """Every tenth reading catches a wheel of 5 to 40°: beside such peaks no window would show it."""
    life, rng = Life(city(heartbeat_s=600)), np.random.default_rng(10)
    for k in range(144 * 16):
        seat = 1.5 * rng.integers(0, 2) if k >= 144 * 13 else 0.0
        wheel = rng.uniform(5, 40) if rng.random() < 0.1 else 0.0
        life.reads(k * 600.0, tilt_deg=4 + seat + wheel + rng.normal(0, 0.1))
    fired = [at for _, state, _, at in life.alarms("loose") if state == "firing"]
    assert fired
    assert 13 * DAY < fired[0] <= 15 * DAY


def test_a_loose_lid_is_not_called_damaged_as_well() -> None:
    """After a violent shock it does not lie where it lay: it never does."""
    life, rng = Life(city(heartbeat_s=3600)), np.random.default_rng(4)
    for k in range(24 * 24):
        loose = k > 20 * 24
        rest = rng.uniform(1, 3) if loose else 0.0
        shock = rng.lognormal(np.log(0.5), 0.3) * (3 if loose else 1)
        life.reads(k * HOUR, tilt_deg=4 + rest + rng.normal(0, 0.1), vibration_g=9.0 if k == 530 else shock)
    assert ("loose", "firing") in [row[:2] for row in life.alarms()]
    assert life.alarms("damaged") == []


def test_axes_alone_and_inclination_alone_are_judged_alike_in_one_frame() -> None:
    """A channel that a neighbour in the frame sends is no measurement of this sensor."""
    alone, together = Life(city(2)), Life(city(2))
    for k in range(60):
        alone.reads(k * HOUR, sensor=0, tilt_x_deg=1.0, tilt_y_deg=2.0)
        alone.reads(k * HOUR, sensor=1, tilt_deg=3.0)
        now = START + k * int(HOUR) * SECOND
        rows = [(0, now, {"tilt_x_deg": 1.0, "tilt_y_deg": 2.0}), (1, now, {"tilt_deg": 3.0})]
        together.said += together.engine.apply(frame(rows))
    said, expected = (
        next(d for d in life.engine.detectors if d.name == "lid").snapshot() for life in (together, alone)
    )
    for name, column in expected.items():
        np.testing.assert_array_equal(said[name], column, name)


def test_wheels_that_are_often_caught_standing_on_a_lid_page_nobody_and_a_lid_ajar_still_does() -> None:
    """172 crossings an hour, a sample a minute: one in fifteen leans, sometimes twice running."""
    life, rng = Life(city(heartbeat_s=60)), np.random.default_rng(6)
    minutes = 1200
    for k in range(minutes):
        wheel = k > 300 and rng.random() < 0.07
        life.reads(k * 60.0, tilt_deg=2 + rng.normal(0, 0.1) + (rng.uniform(5, 40) if wheel else 0))
    quiet = [at for _, state, colour, at in life.alarms() if state == "firing" and at > 600 * 60]
    assert quiet == []
    for k in range(minutes, minutes + 8):
        life.reads(k * 60.0, tilt_deg=22 + rng.normal(0, 0.1))
    fired = [at for hazard, state, colour, at in life.alarms() if colour == "orange" and at >= minutes * 60]
    assert fired
    assert fired[0] <= (minutes + 6) * 60


def test_a_contact_that_speaks_alone_on_schedule_is_unconfirmed_while_the_lid_lies_level() -> None:
    """A magnet, a bounce, a wild bit: yellow, red when the next reading says so too."""
    life = Life(city(heartbeat_s=3600))
    at = hourly(life, 60, tilt_deg=2)
    life.reads(at + HOUR, tilt_deg=2, open=1)
    life.reads(at + 2 * HOUR, tilt_deg=2, open=0)
    life.passes(at + 3 * HOUR - 1)
    assert [row[:3] for row in life.alarms("missing")] == [
        ("missing", "firing", "yellow"),
        ("missing", "clear", "yellow"),
    ]
    life.reads(at + 3 * HOUR, tilt_deg=2, open=1)
    life.reads(at + 4 * HOUR, tilt_deg=2, open=1)
    life.passes(at + 4 * HOUR + 10)
    assert paged(life) == [("missing", "red")]


def test_an_open_contact_that_is_followed_by_silence_is_red() -> None:
    """Slid off flat on schedule, and never heard again: two heartbeats say enough."""
    life = Life(city(heartbeat_s=3600))
    at = hourly(life, 60, tilt_deg=2)
    life.reads(at + HOUR, tilt_deg=2, open=1)
    life.passes(at + 4 * HOUR)
    assert paged(life) == [("missing", "red")]


def test_a_displacement_that_swings_with_the_sun_does_not_sink() -> None:
    """± 5 mm a day: judged from the mean of its day."""
    life, rng = Life(city(heartbeat_s=3600)), np.random.default_rng(7)
    for k in range(24 * 20):
        sun = 5 * np.sin(2 * np.pi * (k + 14) / 24)
        life.reads(k * HOUR, displacement_mm=sun + rng.normal(0, 0.5))
    assert life.alarms("sunken", "tilted", "missing") == []


def test_alarms_of_the_first_day_are_provisional_however_often_the_sensor_reads() -> None:
    """A hundred readings of an hour are no baseline: the lid has not seen a night yet."""
    life = Life(city(heartbeat_s=60))
    for k in range(100):
        life.reads(k * 60.0, tilt_deg=2)
    life.reads(100 * 60.0 - 20, tilt_deg=85)
    life.passes(100 * 60.0)
    first = next(c for c in life.said if c.hazard.value == "missing")
    assert first.provisional
    assert first.severity.colour == "red"


def test_the_evidence_says_how_much_one_message_is_believed_and_what_raises_the_limits() -> None:
    """Pace, wheels and swing: what an operator needs to see why it did not ring."""
    life = Life(city(heartbeat_s=None))
    hourly(life, 60, tilt_deg=2, displacement_mm=0)
    rows = {row["hazard"]: row for row in life.engine.explain(0)["hazards"]}
    evidence = rows["tilted"]["evidence"]
    assert abs(evidence["pace_s"] - 3600) < 1
    assert {"off_schedule_share", "wheels_share", "raised_by_swing_deg", "readings_leaning"} <= set(evidence)
    assert [c["limit"] for c in rows["tilted"]["conditions"]] == [10, 15, 30, 15]
    fault = [(c["name"], c["limit"]) for c in rows["sensor_fault"]["conditions"]]
    assert fault == [("crept", 5), ("alike", 40)]


def test_a_contact_that_is_known_to_chatter_is_told_no_more_and_an_open_one_is_red_all_the_same() -> None:
    """One reading in a hundred, sometimes two running, of a lid that lies flat; then it is slid off, flat."""
    life, rng = Life(city(heartbeat_s=900)), np.random.default_rng(11)
    days = 30
    for k in range(96 * days):
        life.reads(k * 900.0, tilt_deg=2 + rng.normal(0, 0.1), open=float(rng.random() < 0.01))
    told = [at for _, state, _, at in life.alarms("missing") if state == "firing" and at > 5 * DAY]
    assert told == []
    for k in range(96 * days, 96 * days + 4):
        life.reads(k * 900.0, tilt_deg=2 + rng.normal(0, 0.1), open=1)
    fired = [at for _, state, colour, at in life.alarms("missing") if colour == "red"]
    assert fired
    assert days * DAY <= fired[0] <= days * DAY + 3 * 900


def test_where_a_gauge_was_set_up_is_told_once_and_counts_never() -> None:
    """40 mm are its zero, or a lid that lies low: yellow on its first day, unless somebody says that it lies
    well. From then on 3 mm are 3 mm, up or down, and 15 more are a defect."""
    bound, seated, raised = (Life(city(heartbeat_s=3600)) for _ in range(3))
    for life, control in ((bound, "binding"), (seated, "rebaseline"), (raised, "binding")):
        life.said += life.engine.control(control, {"sensor_id": "S0"}, START)
        for k in range(1, 60):
            moved = 36.0 if life is raised else 43.5
            life.reads(k * HOUR, displacement_mm=40 if k < 50 else moved)
    assert seated.alarms("sunken") == []
    for life in (bound, raised):
        first, *others = [c for c in life.said if c.hazard.value == "sunken"]
        assert first.severity.colour == "yellow"
        assert first.reason.key == "rules_lid.sunken.set_up_mm"
        assert first.provisional
        assert [c.state.value for c in others] == ["clear"]
        assert paged(life) == []
    for life in (bound, seated):
        for k in range(60, 64):
            life.reads(k * HOUR, displacement_mm=57)
        assert paged(life) == [("sunken", "orange")]


def test_a_gauge_that_reports_once_a_day_is_told_to_be_low_once_too() -> None:
    life = Life(city(heartbeat_s=86_400))
    for day in range(12):
        life.reads(day * DAY, displacement_mm=50)
    assert [row[:3] for row in life.alarms("sunken")] == [
        ("sunken", "firing", "yellow"),
        ("sunken", "clear", "yellow"),
    ]
    assert life.said[0].provisional


def test_wheels_of_a_crowded_road_page_nobody_on_the_first_day() -> None:
    """Five of a hundred readings lean while nobody knows yet how often they do."""
    rung = []
    for seed in range(12):
        life, rng = Life(city(heartbeat_s=60)), np.random.default_rng(seed)
        for k in range(600):
            wheel = rng.uniform(12, 40) if rng.random() < 0.05 else 0.0
            life.reads(k * 60.0, tilt_deg=2 + rng.normal(0, 0.1) + wheel)
        rung += paged(life)
    assert rung == []
