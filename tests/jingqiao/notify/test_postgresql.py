"""The same night on PostgreSQL: transactions, claims and the one live incident hold there too."""

from pathlib import Path

import pytest

from jingqiao.incidents.incident import Action, State
from rules.alarm import AlarmState, Severity
from tests.support.postgresql import running
from tests.support.response import LID_2, ROSTER, Office, change

pytestmark = pytest.mark.postgresql


async def test_a_night_on_postgresql(tmp_path: Path) -> None:
    with running() as url:
        office = Office(tmp_path, ROSTER, url=url)
        await office.engine_says(change(), change(asset_id=LID_2, severity=Severity.YELLOW))
        await office.engine_says(change(), seq=1)
        await office.until("03:05:30")
        await office.does("li", Action.ACK)
        await office.engine_says(change(AlarmState.CLEAR))
        await office.engine_says(change(severity=Severity.ORANGE))
        await office.until("03:20:00")
        await office.does("li", Action.CLOSE)
        taken = [len(office.dispatcher._courier.take(office.clock.now(), 4)) for _ in range(2)]
        got = [(when, to) for when, to, _, _ in office.phones.got]
        incidents = [(i.asset_id, i.state) for i in office.incidents()]
        office.close()
    assert got[:2] == [("03:00:00", "张三")] * 2
    assert ("03:05:00", "李四") in got
    assert incidents == [("4207040105000001", State.CLOSED), (LID_2, State.OPEN)]
    assert taken == [0, 0]
