"""What went out long ago is forgotten; what waits, and what belongs to an open incident, never is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jingqiao.database import reading, writing
from jingqiao.exchange.tables import cap_message, outlet_event, webhook_delivery
from jingqiao.incidents.incident import Action
from jingqiao.incidents.tables import alarm_change, incident_transition, muted_alarm
from jingqiao.notify.outbox import NewMessage, enqueue
from jingqiao.notify.tables import attempt, message, sms_reply
from jingqiao.old_rows import (
    forget_alarms,
    forget_events,
    forget_messages,
    forget_muted,
    forget_replies,
    forget_warnings,
)
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.at_work import kept_back
from tests.support.exchange import CAP, OutwardOffice, hook
from tests.support.http_fake import Answer, HttpFake
from tests.support.response import LID, LID_2, change

NOWHERE = "http://127.0.0.1:9/in"
YEAR_US = 365 * 86_400_000_000


@pytest.fixture
def office(tmp_path: Path) -> Iterator[OutwardOffice]:
    opened = OutwardOffice(tmp_path, cap=CAP, webhooks=[hook("一网统管", NOWHERE)])
    yield opened
    opened.close()


def count(office: OutwardOffice, table: sa.Table) -> int:
    with reading(office.database) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def later(office: OutwardOffice) -> int:
    return office.clock.now() + YEAR_US


async def test_messages_of_a_closed_incident_go_with_their_tries(office: OutwardOffice) -> None:
    await office.engine_says(change())
    await office.does("zhang", Action.CLOSE, why="已修")
    assert count(office, message) > 0
    assert forget_messages(office.database, office.clock.now() - YEAR_US) == 0
    assert forget_messages(office.database, later(office)) > 0
    assert (count(office, message), count(office, attempt)) == (0, 0)


async def test_messages_of_an_open_incident_stay(office: OutwardOffice) -> None:
    await office.engine_says(change())
    before = count(office, message)
    assert forget_messages(office.database, later(office)) == 0
    assert count(office, message) == before > 0


async def test_a_message_that_was_not_sent_yet_stays(office: OutwardOffice) -> None:
    waiting = NewMessage("k", None, "shift", 4, "zhang", "duty", "t", "b", {})
    with writing(office.database) as connection:
        enqueue(connection, [waiting], office.clock.now())
    assert forget_messages(office.database, later(office)) == 0
    assert count(office, message) == 1


async def test_an_alarm_is_forgotten_when_it_is_over_and_the_incidents_history_stays(
    office: OutwardOffice,
) -> None:
    await office.engine_says(change())
    await office.engine_says(change(severity=Severity.ORANGE))
    assert forget_alarms(office.database, later(office)) == 0, "it rings"
    await office.engine_says(change(AlarmState.CLEAR))
    assert forget_alarms(office.database, later(office)) == 0, "nobody has looked at the lid"
    await office.does("zhang", Action.CLOSE, why="已修")
    assert forget_alarms(office.database, office.clock.now() - YEAR_US) == 0
    history = count(office, incident_transition)
    assert forget_alarms(office.database, later(office)) == 3
    assert count(office, alarm_change) == 0
    assert (len(office.incidents()), count(office, incident_transition)) == (1, history)


async def test_an_alarm_that_rings_on_stays_from_its_beginning_and_its_neighbours_go(
    office: OutwardOffice,
) -> None:
    await office.engine_says(change(), change(AlarmState.CLEAR), change(asset_id=LID_2))
    await office.engine_says(change(asset_id=LID_2, historical=True), change(hazard=Hazard.SILENT))
    for incident_id in (1, 2, 3):
        await office.does("zhang", Action.FALSE_ALARM, incident_id, why="误报")
    assert forget_alarms(office.database, later(office)) == 3
    with reading(office.database) as connection:
        rows = connection.execute(sa.select(alarm_change).order_by(alarm_change.c.id)).mappings()
        left = [(row["asset_id"], row["hazard"], row["state"]) for row in rows]
    assert left == [(LID_2, "missing", "firing"), (LID, "silent", "firing")]


def test_what_announced_work_muted_is_forgotten_with_the_work(office: OutwardOffice) -> None:
    kept_back(office)
    assert forget_muted(office.database, office.clock.now() + 60_000_000) == 0, "the work goes on"
    assert forget_muted(office.database, later(office)) == 1
    assert count(office, muted_alarm) == 0


def test_an_answer_that_nobody_handled_yet_stays(office: OutwardOffice) -> None:
    row = {"provider": "aliyun", "people": [], "said_at": 1, "received_at": 1, "words": "1"}
    rows = [
        {**row, "provider_key": key, "outcome": outcome, "incident_ids": []}
        for key, outcome in (("a", None), ("b", "acknowledged"))
    ]
    with writing(office.database) as connection:
        connection.execute(sa.insert(sms_reply), rows)
    assert forget_replies(office.database, 2) == 1
    with reading(office.database) as connection:
        assert connection.execute(sa.select(sms_reply.c.provider_key)).scalars().all() == ["a"]


async def test_an_event_that_a_system_still_waits_for_stays(office: OutwardOffice) -> None:
    await office.engine_says(change())
    office.outlet.take_in()
    assert forget_events(office.database, later(office)) == 0
    assert (count(office, outlet_event), count(office, webhook_delivery)) == (1, 1)


async def test_what_was_forgotten_is_never_told_again(tmp_path: Path) -> None:
    with HttpFake(lambda _: Answer(204, b"")) as fake:
        office = OutwardOffice(tmp_path, webhooks=[hook("一网统管", fake.url + "/in")])
        await office.engine_says(change())
        await office.webhooks.tick()
        assert forget_events(office.database, later(office)) == 1
        assert (count(office, outlet_event), count(office, webhook_delivery)) == (0, 0)
        await office.webhooks.tick()
        await office.engine_says(change(asset_id=LID_2))
        await office.webhooks.tick()
        office.close()
    assert [request.json()["subject"] for request in fake.requests] == ["incidents/1", "incidents/2"]


async def test_a_warning_goes_when_it_is_over(office: OutwardOffice) -> None:
    await office.engine_says(change())
    assert [warning.kind for warning in office.warnings()] == ["Alert"]
    assert forget_warnings(office.database, later(office)) == 0
    await office.does("zhang", Action.RESOLVE, why="已修")
    assert [warning.kind for warning in office.warnings()] == ["Alert", "Cancel"]
    assert forget_warnings(office.database, later(office)) == 2
    assert count(office, cap_message) == 0
