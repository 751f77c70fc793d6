"""The same night on PostgreSQL: transactions, claims and the one live incident hold there too."""

from pathlib import Path

import pytest

from config.limits import Limit
from config.settings import Settings
from jingqiao.database import reading, writing
from jingqiao.dossier.permits import permits
from jingqiao.drills.drill import end_drill, find_drill, start_drill
from jingqiao.drills.report import drill_report
from jingqiao.drills.target import team_target
from jingqiao.exchange.outlet import Outlet
from jingqiao.exchange.webhooks import hook_states
from jingqiao.incidents.areas import listed_areas
from jingqiao.incidents.incident import Action, State
from jingqiao.incidents.merging import split
from jingqiao.incidents.muted import kept_back_now
from jingqiao.incidents.store import changed_since
from jingqiao.notify.replies import Replies, Said
from jingqiao.notify.silences import add_silence, muted_by
from jingqiao.old_rows import forget_alarms, forget_muted
from jingqiao.roster.overrides import add_override, overrides, withdraw
from jingqiao.tokens.store import Scope, admit, issue
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.at_work import kept_back
from tests.support.exchange import hook
from tests.support.postgresql import running
from tests.support.response import LID, LID_2, ROSTER, Office, at, change

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


async def test_what_work_muted_and_what_is_forgotten_on_postgresql(tmp_path: Path) -> None:
    with running() as url:
        office = Office(tmp_path, ROSTER, url=url)
        number, later = kept_back(office), office.clock.now() + 365 * 86_400_000_000
        with reading(office.database) as connection:
            (permit,) = permits(connection, asset_id=LID, ends_after=office.clock.now())
            assert permits(connection, asset_id=LID, ends_after=later) == []
            assert permits(connection, asset_id="none") == []
            (muted,) = kept_back_now(connection, office.clock.now())[number]
        assert (permit.id, permit.in_force, muted.hazard) == (number, False, Hazard.MISSING)
        await office.engine_says(change(), change(AlarmState.CLEAR), change(asset_id=LID_2))
        await office.does("zhang", Action.CLOSE, 1)
        with reading(office.database) as connection:
            assert changed_since(connection, 0) == {1, 2}
        assert (forget_alarms(office.database, later), forget_muted(office.database, later)) == (2, 1)
        office.close()


async def test_areas_limits_silences_changes_and_drills_on_postgresql(tmp_path: Path) -> None:
    with running() as url:
        office = Office(tmp_path, ROSTER, url=url)
        office.roster = office.roster.model_copy(update={"limits": (Limit(stage="answered", within=1),)})
        now = office.clock.now()
        with writing(office.database) as connection:
            silence = add_silence(
                connection, hazard="loose", from_at=now, until_at=now + 1, who="wang", why="施工"
            )
            number = add_override(
                connection,
                office.roster,
                team="lids",
                people=["li"],
                from_at=now,
                until_at=at("05:00:00"),
                who="wang",
                why="病假",
                now=now,
            )
        shared = {"severity": Severity.ORANGE, "evidence": {"area": "南湖"}}
        await office.engine_says(
            *[change(hazard=Hazard.FLOODED, asset_id=f"W{i}", **shared) for i in range(6)],
            change(hazard=Hazard.LOOSE, severity=Severity.YELLOW),
        )
        with reading(office.database) as connection:
            (area,) = listed_areas(connection)
            assert (muted_by(connection, silence), area.reason_values) == (1, {"count": 6})
        split(office.database, 1, who="li", why="", now=now)
        await office.until("04:00:01")
        assert sum("督办" in body or "Overdue" in body for *_, body in office.phones.got) == 7
        await office.does("li", Action.ACK, area.id)
        assert [i.state for i in office.incidents() if i.parent_id] == [State.ACKNOWLEDGED] * 5
        drill = start_drill(
            office.database,
            team_target(office.roster, "bridge"),
            who="wang",
            why="",
            now=office.clock.now(),
            lasts_us=60_000_000,
            announcer=office.planner,
        )
        await office.dispatcher.tick(office.clock.now())
        end_drill(office.database, drill.id, who="wang", now=office.clock.now(), announcer=office.planner)
        with writing(office.database) as connection:
            assert withdraw(connection, number, who="wang", why="", now=now)
            assert overrides(connection, now) == []
            found = find_drill(connection, drill.id)
            assert found is not None
            assert drill_report(connection, found, office.roster)["reached"] == 1
        office.close()
