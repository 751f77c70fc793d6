"""People find a cover by what they remember of it."""

import pytest

from devices.registry import Registry
from jingqiao.search import search

CITY = Registry.of(
    [
        {"asset_id": "4207040105000123", "kind": "cover", "name": "武昌大道12号井", "road": "武昌大道"},
        {"asset_id": "4207040105001234", "kind": "cover", "name": "雨水井", "road": "武昌大道"},
        {"asset_id": "4207040105009123", "kind": "cover", "name": "Gate valve", "road": "古城路"},
        {"asset_id": "4207040199000001", "kind": "bridge", "name": "鄂钢跨线桥", "road": "古城路"},
    ],
    [{"sensor_id": "24E124AB", "asset_id": "4207040105001234"}, {"sensor_id": "loose"}],
)


def ids(asked: str, limit: int = 20) -> list[str]:
    return [found["asset_id"][-4:] for found in search(CITY, asked, limit)]


def test_a_whole_number_finds_its_asset_alone() -> None:
    found = search(CITY, " 4207040105000123 ")
    assert [(f["asset_id"], f["how"]) for f in found] == [("4207040105000123", "id")]


def test_the_tail_of_a_number_comes_before_names_that_contain_it() -> None:
    assert ids("0123") == ["0123"]
    assert ids("123") == ["0123", "9123"]
    assert ids("12") == ["0123"], "a name that has the word"


def test_a_road_and_a_number_together_narrow_down() -> None:
    assert set(ids("武昌大道")) == {"0123", "1234"}
    assert ids("武昌 1234") == ["1234"]
    assert ids("1234 古城") == []


def test_a_sensor_finds_the_asset_it_sits_on_in_any_case() -> None:
    assert [(f["asset_id"][-4:], f["how"]) for f in search(CITY, "24e124ab")] == [("1234", "sensor")]
    assert ids("loose") == []


def test_letters_are_found_in_any_case_and_bridges_too() -> None:
    assert ids("gate VALVE") == ["9123"]
    assert ids("跨线桥") == ["0001"]


def test_no_more_than_the_limit_is_given() -> None:
    assert len(ids("4207", 2)) == 0, "the head of a number is not its tail"
    assert len(ids("大道", 1)) == 1


@pytest.mark.parametrize("asked", ["", "   ", "%", "\x00", "井" * 5000, "\ud800", "(*["])
def test_strange_questions_find_nothing_and_break_nothing(asked: str) -> None:
    assert ids(asked) == []


def test_an_empty_city_has_nothing_to_find() -> None:
    assert search(Registry.of([], []), "1") == []
