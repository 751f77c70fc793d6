"""A preview says what other rules would have rung for, and keeps to its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.lid_rules import LidRules
from config.rules import RuleSet
from jingqiao.rulebook.preview import Preview, Previews, part_of
from tests.support.city_console import CityOffice
from tests.support.eventually import eventually_now
from tests.support.response import LID, LID_2

STRICT = RuleSet(lid=LidRules(tilt_attention_deg=5, tilt_defect_deg=10, tilt_urgent_deg=20))
DEAF = RuleSet(
    lid=LidRules(
        open_deg=179, carried_deg=179, tilt_attention_deg=170, tilt_defect_deg=175, tilt_urgent_deg=178
    )
)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[CityOffice]:
    made = CityOffice(tmp_path)
    made.measure(LID)
    yield made
    made.close()


@pytest.fixture
def previews(office: CityOffice) -> Previews:
    return Previews(office.archive, office.database, lambda: office.city, lambda: office.roster)


def over(previews: Previews, office: CityOffice, before: RuleSet, after: RuleSet) -> Preview:
    now = office.clock.now()
    made = previews.start(before, after, now - 60 * 86_400_000_000, now)
    eventually_now(lambda: not made.running, 60)
    return made


def test_alarms_before_and_after_and_who_is_told_are_counted(previews: Previews, office: CityOffice) -> None:
    made = over(previews, office, RuleSet(), DEAF)
    assert made.trouble is None
    assert made.result is not None
    assert sum(made.result["alarms"]["first"].values()) >= 1
    assert sum(made.result["alarms"]["second"].values()) < sum(made.result["alarms"]["first"].values())
    assert LID in {alarm["asset_id"] for alarm in made.result["only_first"]}
    assert made.result["messages"]["first"]["zhang"] >= 1
    assert made.result["readings"] == 360
    assert made.done == made.total == 720
    assert previews.get(made.id) is made


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        (lambda p: setattr(p, "most_readings", 100), "too_many"),
        (lambda p: setattr(p, "archive", None), "no_archive"),
    ],
)
def test_what_is_too_much_or_not_there_is_said(
    previews: Previews, office: CityOffice, changed: Callable[[Previews], None], key: str
) -> None:
    changed(previews)
    made = over(previews, office, RuleSet(), STRICT)
    assert made.trouble is not None
    assert made.trouble[0] == key


def test_a_span_without_readings_and_a_second_preview_end_the_first(
    previews: Previews, office: CityOffice
) -> None:
    nothing = previews.start(RuleSet(), STRICT, 0, 1)
    eventually_now(lambda: not nothing.running, 30)
    assert nothing.trouble == ("nothing", {})
    again = over(previews, office, RuleSet(), STRICT)
    assert nothing.cancelled
    assert again.result is not None


def test_a_part_of_the_city_has_the_sensors_asked_for_and_their_neighbours_on_the_asset(
    office: CityOffice,
) -> None:
    sensor = office.city.sensor_index("s1")
    part = part_of(office.city, [sensor])
    assert len(part.sensors) == 1
    assert part.sensor_id(0) == "s1"
    assert part.asset_id(int(part.sensors.asset[0])) == LID_2
    assert part.assets.text("name", 0) == "古城路57号上水井"
