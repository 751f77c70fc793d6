"""The same night on PostgreSQL: transactions, claims and the one live incident hold there too."""

from pathlib import Path

import pytest

from config.settings import Settings
from jingqiao.database import writing
from jingqiao.exchange.outlet import Outlet
from jingqiao.exchange.webhooks import hook_states
from jingqiao.incidents.incident import Action, State
from jingqiao.notify.replies import Replies, Said
from jingqiao.tokens.store import Scope, admit, issue
from rules.alarm import AlarmState, Severity
from tests.support.exchange import hook
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


async def test_answers_by_sms_and_other_systems_on_postgresql(tmp_path: Path) -> None:
    phone = "13800000001"
    roster = ROSTER.replace("phone://zhang", f"alisms://a:b@SMS_1/{phone}?sign=x")
    with running() as url:
        office = Office(tmp_path, roster, url=url)
        settings = Settings(
            data_dir=tmp_path, cap={"sender": "jq"}, webhooks=[hook("a", "http://127.0.0.1:9")]
        )
        outlet = Outlet(office.database, settings, office.clock.now, lambda: office.roster)
        outlet.start()
        await office.engine_says(change())
        replies = Replies(
            office.database, lambda: office.roster, office.planner, office.clock.now, office.dispatcher.wake
        )
        for _ in range(2):
            replies.take([Said("aliyun", "1", phone, "1", office.clock.now())])
        state = office.incidents()[0].state
        taken = [outlet.take_in(), outlet.take_in()]
        waiting = hook_states(office.database, ["a"], 0)[0].waiting
        with writing(office.database) as connection:
            _, secret = issue(connection, name="p", scopes=[Scope.CAP_READ], who="c", now=0)
        admitted = admit(office.database, secret, [Scope.CAP_READ], 1).name
        office.close()
    assert state is State.ACKNOWLEDGED
    assert taken == [2, 0]
    assert (waiting, admitted) == (2, "p")
