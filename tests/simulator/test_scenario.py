"""Scenarios: what a person writes, and what is said about mistakes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.faults import FaultsError
from devices.registry import Registry
from simulator import offline, scenario
from simulator.fleet import Fleet
from simulator.scenario import offset_s

HEAD = 'name = "x"\nstart = 2026-03-02T00:00:00+08:00\ndays = 3\n'


def city() -> Registry:
    return offline.registry_of(*offline.synthetic_lids(20, 1))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("3d 02:13", 3 * 86400 + 7980), ("02:13:20", 8000), ("3d", 259200), ("0d 00:00", 0)],
)
def test_offsets_are_days_and_time_of_day(written: str, meant: float) -> None:
    assert offset_s(written) == meant


@pytest.mark.parametrize("written", ["", "d", "25:00", "3d 02:61", "tomorrow", "3d02:13:99"])
def test_other_offsets_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"3d 02:13|hours"):
        offset_s(written)


@given(st.integers(0, 4000), st.integers(0, 23), st.integers(0, 59))
def test_any_offset_comes_back(days: int, hours: int, minutes: int) -> None:
    assert offset_s(f"{days}d {hours:02d}:{minutes:02d}") == days * 86400 + hours * 3600 + minutes * 60


def faults(tmp_path: Path, body: str) -> list[tuple[int | None, str]]:
    path = tmp_path / "x.toml"
    path.write_text(HEAD + body, "utf-8")
    with pytest.raises(FaultsError) as caught:
        Fleet(city(), scenario.load(path), 1)
    return [(fault.line, fault.problem) for fault in caught.value.faults]


def test_an_unknown_kind_is_named_with_its_line(tmp_path: Path) -> None:
    ((line, problem),) = faults(tmp_path, '[[event]]\nat = "1d"\nkind = "thief"\npick = "random:1"\n')
    assert line == 4
    assert "thief" in problem


def test_a_parameter_of_another_kind_is_refused(tmp_path: Path) -> None:
    body = '[[event]]\nat = "1d"\nkind = "theft"\npick = "random:1"\nto_mm = 3\n'
    ((_, problem),) = faults(tmp_path, body)
    assert "to_mm" in problem


def test_an_asset_that_is_not_there_is_named_with_its_line(tmp_path: Path) -> None:
    body = '[[event]]\nat = "1d"\nkind = "theft"\nasset = "4711"\n'
    assert faults(tmp_path, body) == [(7, "4711 is no cover of this registry")]


def test_more_picks_than_lids_are_refused(tmp_path: Path) -> None:
    ((line, problem),) = faults(tmp_path, '[[event]]\nat = "1d"\nkind = "theft"\npick = "random:99"\n')
    assert line == 7
    assert "20 lids fit" in problem


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    one = '[[event]]\nat = "1d"\nkind = "{}"\nasset = "1"\n'
    assert len(faults(tmp_path, one.format("theft") + one.format("drift"))) == 2
