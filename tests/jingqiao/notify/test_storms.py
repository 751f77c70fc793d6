"""Storms: red always at once, below it no more than helps, and nothing lost: what was held is a row."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jingqiao.database import reading, writing
from jingqiao.incidents.incident import Action
from jingqiao.notify.outbox import latest_messages
from jingqiao.notify.sender import Outcome, Result
from jingqiao.notify.silences import add_silence, end_silence, muted_by, muted_incidents
from jingqiao.notify.tables import message
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.response import BRIDGE, LID, LID_2, ROSTER, Office, at, change, local

STORMY = ROSTER.replace("[calm]\nmost_an_hour = 100000\ngroup_from = 100000\n", "[calm]\n")
NIGHT = STORMY.replace('quiet_from = "00:00"\nquiet_to = "00:00"\n', "")
assert len({ROSTER, STORMY, NIGHT}) == 3

YELLOW = Severity.YELLOW
ORANGE = Severity.ORANGE


def rows(office: Office, state: str | None = None) -> list[Mapping[str, Any]]:
    with reading(office.database) as connection:
        return list(reversed(latest_messages(connection, 100_000, state)))


def told(office: Office) -> list[tuple[str, str, str]]:
    return [(when, to, title) for when, to, title, _ in office.phones.got]


def tilted(asset_id: str, severity: Severity = ORANGE, **fields: Any) -> Any:
    return change(hazard=Hazard.TILTED, asset_id=asset_id, severity=severity, **fields)


@pytest.fixture
def office(tmp_path: Path) -> Any:
    opened = Office(tmp_path, STORMY)
    yield opened
    opened.close()


async def test_a_yellow_at_three_in_the_night_waits_until_seven(tmp_path: Path) -> None:
    office = Office(tmp_path, NIGHT)
    await office.engine_says(tilted(LID, YELLOW))
    assert told(office) == []
    assert [(row["held"], row["state"], row["due_at"]) for row in rows(office)] == [
        ("quiet", "held", at("07:00:00"))
    ]
    await office.until("07:00:01")
    office.close()
    assert told(office)[0][:2] == ("07:00:00", "张三")


async def test_orange_and_red_wake_people_at_night(tmp_path: Path) -> None:
    office = Office(tmp_path, NIGHT)
    await office.engine_says(tilted(LID, ORANGE), change(asset_id=LID_2))
    office.close()
    assert [when for when, *_ in told(office)] == ["03:00:00", "03:00:00"]


async def test_what_was_answered_or_healed_in_the_night_is_not_told_at_seven(tmp_path: Path) -> None:
    office = Office(tmp_path, NIGHT)
    await office.engine_says(tilted(LID, YELLOW))
    await office.until("04:00:00")
    await office.does("zhang", Action.ACK)
    await office.until("08:00:00")
    office.close()
    assert told(office) == []
    assert {row["state"] for row in rows(office) if row["role"] == "duty"} == {"cancelled"}


async def test_a_quiet_yellow_that_grows_red_is_told_at_once(tmp_path: Path) -> None:
    office = Office(tmp_path, NIGHT)
    await office.engine_says(tilted(LID, YELLOW))
    await office.until("03:10:00")
    await office.engine_says(tilted(LID, Severity.RED))
    office.close()

    assert told(office)[0][0] == "03:10:00"


async def test_many_lids_of_one_area_are_one_message_with_a_count(office: Office) -> None:
    lids = [tilted(f"A{i}", evidence={"area": "古城路"}) for i in range(30)]
    await office.engine_says(*lids)
    assert [title for *_, title in told(office)] == ["【橙色】同一区域 30 起同类事件"]
    body = office.phones.got[0][3]
    assert body.count("#") == 20
    assert "另有 10 起" in body
    assert len(office.incidents()) == 30
    assert Counter(row["state"] for row in rows(office)) == {"merged": 30, "sent": 1}


async def test_lids_that_follow_in_the_window_come_in_one_summary(office: Office) -> None:
    for second in range(6):
        await office.until(f"03:00:{second * 10:02d}")
        await office.engine_says(tilted(f"A{second}", evidence={"area": "古城路"}))
    assert [when for when, *_ in told(office)] == ["03:00:00", "03:00:10", "03:00:20"]
    assert {row["held"] for row in rows(office, "held")} == {"group"}
    await office.until("03:04:00")
    later = told(office)[3:]
    assert later[0] == ("03:02:30", "张三", "【橙色】汇总：暂缓的 3 起事件")


async def test_every_missing_lid_has_its_own_message_however_many(office: Office) -> None:
    await office.engine_says(*[change(asset_id=f"A{i}", evidence={"area": "古城路"}) for i in range(50)])
    assert len(office.phones.got) == 50
    assert len(office.incidents()) == 50


async def test_nobody_gets_more_than_twelve_an_hour_below_red(office: Office) -> None:
    await office.engine_says(*[tilted(f"B{i}", evidence={"area": f"{i}"}) for i in range(40)])
    assert len(told(office)) == 11
    assert Counter(row["held"] for row in rows(office, "held")) == {"rate": 29}
    await office.until("03:59:59")
    per_person = Counter(to for _, to, _ in told(office))
    assert max(per_person.values()) <= 12
    assert any("汇总" in title for _, to, title in told(office) if to == "张三")


async def test_when_the_summary_reaches_nobody_the_next_person_is_told(office: Office) -> None:
    """What stands in a summary was not told when the summary failed."""
    office.phones.broken["phone://zhang"] = Outcome(Result.FAILED_PERMANENT, "93000")
    await office.engine_says(*[tilted(f"A{i}", evidence={"area": "古城路"}) for i in range(5)])
    assert {to for _, to, _ in told(office)} == {"李四"}


async def test_two_thousand_alarms_in_a_minute(office: Office) -> None:
    """A tenth is red: each handed over; below red nobody gets more than twelve; nothing lost."""
    count = 0
    for second in range(0, 60, 6):
        await office.until(f"03:00:{second:02d}")
        await office.engine_says(
            *[
                tilted(f"T{second}-{i}", Severity.RED if i % 10 == 0 else (ORANGE, YELLOW)[i % 2])
                for i in range(200)
            ]
        )
        count += 200
    reds = [title for _, _, title in told(office) if "红色" in title]
    assert len(reds) == 200
    await office.until("03:20:00")
    below = Counter(to for _, to, title in told(office) if not {"红色", "RED"} & set(re.split(r"\W", title)))
    assert below
    assert max(below.values()) <= 12
    with reading(office.database) as connection:
        kept = connection.execute(
            sa.select(sa.func.count(sa.distinct(message.c.incident_id))).where(message.c.role == "duty")
        ).scalar()
    assert kept == count
    assert len(office.incidents()) == count


async def test_a_silence_mutes_what_it_names_and_says_what_it_muted(office: Office) -> None:
    with writing(office.database) as connection:
        number = add_silence(
            connection,
            asset_id=LID,
            from_at=at("03:00:00"),
            until_at=at("05:00:00"),
            who="wang",
            why="road works",
        )
    await office.engine_says(tilted(LID), tilted(LID_2))
    assert len(told(office)) == 1
    with reading(office.database) as connection:
        assert muted_by(connection, number) == 1
    await office.until("05:01:00")
    assert "05:00:00" in [when for when, *_ in told(office)]


async def test_a_silence_never_mutes_red(office: Office) -> None:
    with writing(office.database) as connection:
        add_silence(
            connection, asset_id=LID, from_at=at("03:00:00"), until_at=at("05:00:00"), who="wang", why=""
        )
    await office.engine_says(change())
    assert len(told(office)) == 1


async def test_a_silence_that_is_ended_lets_its_messages_go(office: Office) -> None:
    with writing(office.database) as connection:
        number = add_silence(
            connection, hazard="tilted", from_at=at("03:00:00"), until_at=at("05:00:00"), who="wang", why=""
        )
    await office.engine_says(tilted(LID))
    assert told(office) == []
    with writing(office.database) as connection:
        assert end_silence(connection, number, office.clock.now())
    await office.until("03:00:01")
    assert len(told(office)) == 1


def test_a_silence_of_everything_is_refused(office: Office) -> None:
    with writing(office.database) as connection, pytest.raises(ValueError, match="asset"):
        add_silence(connection, from_at=0, until_at=1, who="wang", why="")


async def test_a_silent_gateway_mutes_the_silence_of_its_sensors(office: Office) -> None:
    gateway = change(
        hazard=Hazard.SILENT,
        asset_id="",
        severity=ORANGE,
        sensor_ids=("S1", "S2", "S3"),
        evidence={"gateway": "GW-7", "cause": "gateway"},
    )
    await office.engine_says(gateway)
    await office.engine_says(
        change(hazard=Hazard.SILENT, asset_id=LID, severity=ORANGE, sensor_ids=("S1",)),
        change(hazard=Hazard.SILENT, asset_id=BRIDGE, severity=ORANGE, sensor_ids=("S9",)),
    )
    assert len(told(office)) == 2
    assert [row["held"] for row in rows(office, "held")] == ["inhibited:1"]
    await office.engine_says(
        change(
            AlarmState.CLEAR,
            Hazard.SILENT,
            "",
            ORANGE,
            sensor_ids=("S1", "S2", "S3"),
            evidence={"gateway": "GW-7"},
        )
    )

    await office.until("03:20:00")
    assert LID[-6:] in "".join(body for *_, body in office.phones.got)


async def test_when_the_rules_of_calm_break_everybody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, NIGHT)
    await office.engine_says(tilted(LID, YELLOW))

    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("jingqiao.notify.planner.sift", broken)
    monkeypatch.setattr("jingqiao.notify.planner.release", broken)
    await office.engine_says(tilted(LID_2, YELLOW))
    assert [when for when, *_ in told(office)] == ["03:00:00"]
    await office.until("07:00:01")
    office.close()
    assert "07:00:00" in [when for when, *_ in told(office)]


async def test_a_silence_keeps_the_list_of_what_it_muted_after_its_end(office: Office) -> None:
    with writing(office.database) as connection:
        number = add_silence(
            connection, hazard="tilted", from_at=at("03:00:00"), until_at=at("03:30:00"), who="wang", why=""
        )
    await office.engine_says(*[tilted(f"B{i}", evidence={"area": f"{i}"}) for i in range(30)])
    await office.until("04:30:00")  # by now all of them were told, most held a while by the hourly number
    with reading(office.database) as connection:
        muted = muted_incidents(connection, f"silence:{number}")
        assert muted_by(connection, number) == 30
    assert {(local(since), incident.hazard) for since, incident in muted} == {("03:00:00", Hazard.TILTED)}


RED_TOGETHER = STORMY.replace("[calm]\n", "[calm]\nred_together = true\n")


async def test_red_ones_of_one_area_come_in_one_message_where_the_office_wants_that(tmp_path: Path) -> None:
    """Six lids missing at one moment: one message at once that names them, and one answer for all."""
    office = Office(tmp_path, RED_TOGETHER)
    await office.engine_says(*[change(asset_id=f"A{i}", evidence={"area": "古城路"}) for i in range(6)])
    assert told(office) == [("03:00:00", "张三", "【红色】同一区域 6 起同类事件")]
    body = office.phones.got[0][3]
    assert (body.count("井盖缺失"), body.splitlines()[-1]) == (
        6,
        "一次接警（全部）：jingqiao incidents ack 7",
    )
    await office.until("03:05:01")
    assert told(office)[1:] == [("03:05:00", "李四", "【红色】同一区域 6 起同类事件")]
    await office.does("li", Action.ACK, 7)
    await office.until("03:30:00")
    office.close()
    assert {i.state for i in office.incidents()} == {"acknowledged"}
    assert [when for when, *_ in told(office)][2:] == ["03:05:01"]


async def test_two_red_ones_still_come_each_by_itself(tmp_path: Path) -> None:
    office = Office(tmp_path, RED_TOGETHER)
    await office.engine_says(*[change(asset_id=f"A{i}", evidence={"area": "古城路"}) for i in range(2)])
    office.close()
    assert len(office.phones.got) == 2


async def test_when_the_red_summary_reaches_nobody_the_next_person_is_told_at_once(tmp_path: Path) -> None:
    office = Office(tmp_path, RED_TOGETHER)
    office.phones.broken["phone://zhang"] = Outcome(Result.FAILED_PERMANENT, "93000")
    await office.engine_says(*[change(asset_id=f"A{i}", evidence={"area": "古城路"}) for i in range(5)])
    office.close()
    assert {(when, to) for when, to, _ in told(office)} == {("03:00:00", "李四")}
    assert len(rows(office)) >= 10
