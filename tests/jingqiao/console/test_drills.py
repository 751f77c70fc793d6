"""The drill button: the whole chain, marked as a drill, with its report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import ConsoleOffice
from tests.support.response import change

DRILL = {"team": "bridge", "hazard": "drift", "severity": "3", "minutes": "30", "why": "月度演练"}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[ConsoleOffice]:
    made = ConsoleOffice(tmp_path)
    made.add_accounts()
    yield made
    made.close()


async def test_a_supervisor_holds_a_drill_and_sees_who_got_what_when(office: ConsoleOffice) -> None:
    await office.engine_says(change())
    async with office.logged_in("duty") as client:
        assert (await client.post("/drills", data=DRILL)).status_code == 403
    async with office.logged_in("supervisor") as client:
        begun = await client.post("/drills", data=DRILL)
        assert (begun.status_code, begun.headers["location"]) == (303, "/drills/1")
        await office.dispatcher.tick(office.clock.now())
        assert any("【演练】" in title + body for _, _, title, body in office.phones.got)
        board = (await client.get("/now/board")).text
        assert "演练，非真实事件" in board
        assert 'data-total="1"' in board
        again = await client.post("/drills", data=DRILL)
        assert again.status_code == 409
        assert "演练 1 正在进行" in again.text
        await client.post("/incidents/2/act", data={"action": "ack"})
        report = (await client.get("/drills/1")).text
        assert "李四" in report
        assert "服务商已受理" in report
        assert "接警" in report
        assert (await client.post("/drills/1/end")).status_code == 303
        assert (await client.post("/drills/1/end")).status_code == 409
        assert "演练，非真实事件" not in (await client.get("/now/board")).text
        assert (await client.get("/drills/9")).status_code == 404


async def test_a_drill_at_something_that_is_not_there_is_refused_with_the_reason(
    office: ConsoleOffice,
) -> None:
    async with office.logged_in("supervisor") as client:
        answer = await client.post("/drills", data=DRILL | {"asset": "没有这个井"})
        assert answer.status_code == 409
        assert "没有与" in answer.text
        assert (await client.post("/drills", data=DRILL | {"team": "ghosts"})).status_code == 409
