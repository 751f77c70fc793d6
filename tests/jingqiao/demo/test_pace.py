"""How the demo's clock goes when it is given so many seconds."""

from jingqiao.demo.pace import BEFORE, LEAP_S, SECOND_US, USED, Pace

DAY_US = 86_400 * SECOND_US
START, END = 1000 * DAY_US, 1021 * DAY_US
ONSET = START + 11 * DAY_US


def pace(seconds: float | None) -> Pace:
    return Pace(seconds, START, END, (ONSET, ONSET + DAY_US))


def play(plan: Pace, second_per_step: float) -> tuple[float, list[tuple[int, int, bool]]]:
    """Wall time at the end, and (from, to, whether it leapt) of every step."""
    now, elapsed, steps = START, 0.0, []
    while now < END:
        hurried = plan.hurried(now, elapsed)
        after = min(now + plan.step(now, 0, hurried), END)
        steps.append((now, after, plan.leaps(after, 0, hurried)))
        now, elapsed = after, elapsed + second_per_step
    return elapsed, steps


def test_without_a_limit_nothing_is_left_out() -> None:
    _, steps = play(pace(None), 1000.0)
    assert not any(leapt for _, _, leapt in steps)
    assert max(after - before for before, after, _ in steps) == 900 * SECOND_US


def test_a_slow_machine_reaches_the_end_of_a_short_demo_by_leaps_over_quiet_days() -> None:
    elapsed, steps = play(pace(60), 0.07)
    assert elapsed <= 60
    leapt = [after - before for before, after, leapt in steps if leapt]
    assert max(leapt) == LEAP_S * SECOND_US


def test_no_step_goes_over_an_onset_and_what_is_staged_goes_by_the_broker() -> None:
    _, steps = play(pace(60), 0.07)
    for onset in (ONSET, ONSET + DAY_US):
        assert onset in {after for _, after, _ in steps}
        scene = [
            leapt for before, after, leapt in steps if before >= onset and after <= onset + 900 * SECOND_US
        ]
        assert len(scene) > 30
        assert not any(scene)


def test_what_a_crew_sent_before_its_permit_ended_is_received_before_it_ends() -> None:
    end = START + 5 * DAY_US + 1234 * SECOND_US
    plan = Pace(60, START, END, (ONSET, ONSET + DAY_US), (end, end, ONSET + 777 * SECOND_US))
    _, steps = play(plan, 0.07)
    for last in (end - 1, ONSET + 777 * SECOND_US - 1):
        assert last in {after for _, after, _ in steps}
    assert all(before < after for before, after, _ in steps)


def test_it_hurries_only_while_it_is_behind_its_plan() -> None:
    plan = pace(100)
    assert not plan.hurried(ONSET, 100 * USED * BEFORE - 0.1)
    assert plan.hurried(ONSET, 100 * USED * BEFORE + 0.1)
    assert not plan.hurried(END, 100 * USED)


def test_while_somebody_is_expected_to_answer_it_does_not_leap() -> None:
    plan, quiet = pace(60), START + DAY_US
    assert plan.step(quiet, quiet + 1, hurried=True) == 60 * SECOND_US
    assert plan.step(quiet, quiet + 1, hurried=False) == 5 * SECOND_US
    assert not plan.leaps(quiet, quiet, hurried=True)
