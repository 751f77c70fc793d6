"""Damage is found, a season is not called damage, and what is not known is not judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from jingqiao.modal.judging import DAY_US, Days, Judged, days_of, judge
from jingqiao.modal.observation import Observation
from jingqiao.modal.tracking import tracks_of
from tests.support.modal_hours import hours_of, weather


def first_mode(hours: Sequence[Observation]) -> Judged:
    return judge(days_of(tracks_of(hours)[0]))


def falls(day: int, percent: float = -5.13) -> Callable[[int, int], float]:
    """A tenth of stiffness is lost on a day."""
    return lambda today, _mode: percent if today >= day else 0.0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("day", [60, 200, 400])
def test_a_tenth_less_stiffness_is_found_within_a_fortnight(seed: int, day: int) -> None:
    found = first_mode(hours_of(weather(day + 14, seed), seed=seed, change=falls(day)))
    assert found.found
    assert found.change_percent == pytest.approx(-5.13, abs=0.6)
    assert found.level >= 2
    assert found.state == ("judged" if day == 400 else "provisional")
    assert found.found_since is not None
    assert 0 <= found.found_since - (19_723 + day) <= 13


@pytest.mark.parametrize("first_day", [0, 90, 180, 270])
@pytest.mark.parametrize("percent_per_degree", [-0.4, -0.1, 0.0])
def test_no_season_is_called_damage(first_day: int, percent_per_degree: float) -> None:
    warm = weather(420, first_day, first_day)
    hours = hours_of(warm, seed=first_day + 1, percent_per_degree=percent_per_degree)
    days = days_of(tracks_of(hours)[0])
    looks = range(15, len(days.day), 9)
    told = [
        n for n in looks if judge(Days(days.day[:n], days.percent[:n], days.warm[:n], days.hours[:n])).found
    ]
    assert told == []


def test_a_hot_week_after_a_winters_training_is_not_called_damage() -> None:
    warm = [3.0 + 2 * np.sin(i) for i in range(20)] + [28.0] * 10
    assert not first_mode(hours_of(warm, seed=7, percent_per_degree=-0.3)).found


def test_the_degree_is_learned() -> None:
    found = first_mode(hours_of(weather(400, 3), seed=3, percent_per_degree=-0.25))
    assert found.per_degree == pytest.approx(-0.25, abs=0.04)


def test_what_was_lost_is_still_told_half_a_year_later() -> None:
    found = first_mode(hours_of(weather(320, 9), seed=9, change=falls(130)))
    assert found.found
    assert found.change_percent == pytest.approx(-5.13, abs=0.8)


def test_what_comes_back_is_over() -> None:
    def back(day: int, _mode: int) -> float:
        return -5.13 if 100 <= day < 130 else 0.0

    assert not first_mode(hours_of(weather(145, 10), seed=10, change=back)).found


def test_less_than_a_fortnight_is_learning() -> None:
    found = first_mode(hours_of(weather(13, 1), seed=1))
    assert (found.state, found.found, found.change_percent) == ("learning", False, None)


def test_without_a_thermometer_nothing_is_judged() -> None:
    hours = hours_of(weather(60, 2), seed=2, thermometer=False, change=falls(40))
    found = first_mode(hours)
    assert (found.state, found.found, found.change_percent) == ("unknown_temperature", False, None)


def test_days_of_one_or_two_hours_do_not_count() -> None:
    assert len(days_of(tracks_of(hours_of([10.0] * 9, seed=4, per_day=2))[0]).day) == 0


def test_a_day_is_the_mean_of_its_hours() -> None:
    hours = hours_of([20.0, 20.0], seed=6, scatter=0.0, percent_per_degree=0.0)
    days = days_of(tracks_of(hours)[0])
    assert days.percent == pytest.approx([0.0, 0.0], abs=1e-6)
    assert days.day.tolist() == [hours[0].start // DAY_US, hours[0].start // DAY_US + 1]
