"""By which channels a message goes: calls for red only, or beside the first channel, as the roster says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.faults import FaultsError
from config.roster import Roster, load_roster
from jingqiao.database import reading
from jingqiao.incidents.incident import Action
from jingqiao.notify.outbox import attempts_of, messages_of
from jingqiao.notify.sender import Outcome, Result
from jingqiao.notify.ways import beside, ways
from rules.alarm import Hazard, Severity
from tests.support.response import ROSTER, Office, change

CALL = "alivoice://a:b@T/1"
WITH_CALL = ROSTER.replace(
    '["phone://zhang"]', f'["phone://zhang", {{ name = "call", url = "{CALL}", beside = true }}]'
)


def roster(folder: Path, channels: str) -> Roster:
    path = folder / "roster.toml"
    path.write_text(ROSTER.replace('["phone://zhang"]', channels), "utf-8")
    return load_roster(path, {})


def names(folder: Path, channels: str, severity: Severity) -> list[str]:
    return [channel.name for channel in ways(roster(folder, channels).people["zhang"], int(severity))]


@pytest.mark.parametrize(
    ("severity", "expected"), [(Severity.RED, ["alivoice", "phone"]), (Severity.ORANGE, ["phone"])]
)
def test_a_call_is_for_red_only(tmp_path: Path, severity: Severity, expected: list[str]) -> None:
    assert names(tmp_path, f'["{CALL}", "phone://zhang"]', severity) == expected


def test_the_roster_may_say_otherwise(tmp_path: Path) -> None:
    channels = f'[{{ url = "{CALL}", only = ["red", "orange"] }}, {{ url = "phone://z", only = ["yellow"] }}]'
    assert names(tmp_path, channels, Severity.ORANGE) == ["alivoice"]
    assert names(tmp_path, channels, Severity.YELLOW) == ["phone"]


def test_a_channel_beside_another_is_not_tried_after_it(tmp_path: Path) -> None:
    person = roster(tmp_path, f'["phone://zhang", {{ url = "{CALL}", beside = true }}]').people["zhang"]
    assert [channel.name for channel in ways(person, int(Severity.RED))] == ["phone"]
    assert beside(person, int(Severity.RED)) == ("alivoice",)
    assert beside(person, int(Severity.ORANGE)) == ()
    assert [channel.name for channel in ways(person, int(Severity.RED), "alivoice")] == ["alivoice"]


def test_beside_needs_something_that_it_is_beside(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="beside another"):
        roster(tmp_path, f'[{{ url = "{CALL}", beside = true }}]')


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path, WITH_CALL)
    yield opened
    opened.close()


def outcomes(office: Office) -> list[tuple[str, str, str | None]]:
    with reading(office.database) as connection:
        return sorted(
            (row["person"], attempt["channel"], attempt["outcome"])
            for row in messages_of(connection, 1)
            for attempt in attempts_of(connection, row["id"])
        )


async def test_a_red_lid_rings_and_writes_at_once(office: Office) -> None:
    await office.engine_says(change())
    assert outcomes(office) == [("zhang", "call", "sent"), ("zhang", "phone", "sent")]
    assert [when for when, *_ in office.phones.got] == ["03:00:00", "03:00:00"]


async def test_an_orange_lid_does_not_ring(office: Office) -> None:
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.ORANGE))
    assert outcomes(office) == [("zhang", "phone", "sent")]


async def test_what_tells_that_somebody_has_it_does_not_ring(office: Office) -> None:
    await office.engine_says(change())
    await office.until("03:06:00")
    office.phones.tries.clear()
    await office.does("li", Action.ACK)
    assert office.phones.tries == ["phone://zhang"]


async def test_while_the_call_may_still_reach_somebody_the_next_person_is_not_hurried(office: Office) -> None:
    office.phones.broken["phone://zhang"] = Outcome(Result.FAILED_PERMANENT, "93000")
    await office.engine_says(change())
    assert {to for _, to, *_ in office.phones.got} == {"张三"}


async def test_when_both_fail_the_next_person_is_told_at_once(office: Office) -> None:
    office.phones.broken |= {
        "phone://zhang": Outcome(Result.FAILED_PERMANENT, "93000"),
        CALL: Outcome(Result.FAILED_PERMANENT, "isv.OUT_OF_SERVICE"),
    }
    await office.engine_says(change())
    assert [(when, to) for when, to, *_ in office.phones.got] == [("03:00:00", "李四")]


async def test_a_days_quota_that_is_used_up_leads_to_the_next_person_at_once(tmp_path: Path) -> None:
    """Not to a message that waits until tomorrow."""
    office = Office(tmp_path)
    office.phones.broken["phone://zhang"] = Outcome(
        Result.FAILED_TEMPORARY, "isv.BUSINESS_LIMIT_CONTROL", retry_after_s=86_400
    )
    await office.engine_says(change())
    assert [(when, to) for when, to, *_ in office.phones.got] == [("03:00:00", "李四")]
    office.close()
