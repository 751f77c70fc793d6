"""A night with something of every severity and state, for pictures and for tests of whole pages."""

from __future__ import annotations

from jingqiao.drills.drill import start_drill
from jingqiao.drills.target import team_target
from jingqiao.incidents.incident import Action
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.console import ConsoleOffice
from tests.support.response import BRIDGE, LID, LID_2, change


async def busy_night(office: ConsoleOffice) -> None:
    """Something of every severity and state."""
    await office.engine_says(
        change(),
        change(hazard=Hazard.TILTED, severity=Severity.ORANGE, asset_id=LID_2, value=14.0, limit=10.0),
        change(hazard=Hazard.DRIFT, severity=Severity.ORANGE, asset_id=BRIDGE, unit="ue", provisional=True),
        change(
            hazard=Hazard.SUNKEN, severity=Severity.YELLOW, asset_id=LID_2, value=7.2, limit=5.0, unit="mm"
        ),
        change(hazard=Hazard.BATTERY_LOW, severity=Severity.BLUE, asset_id=LID_2, unit="V"),
    )
    await office.until("03:06:10")
    await office.does("zhang", Action.ACK, 2)
    await office.does("zhang", Action.ASSIGN, 2, assignee="li", why="李四离现场最近")
    await office.does("li", Action.COMMENT, 2, why="路上约十分钟")
    await office.engine_says(
        change(AlarmState.CLEAR, hazard=Hazard.TILTED, severity=Severity.ORANGE, asset_id=LID_2),
        change(hazard=Hazard.LOOSE, severity=Severity.RED, asset_id=LID, value=3.0, limit=1.0),
    )
    start_drill(
        office.database,
        team_target(office.roster, "bridge"),
        who="li",
        why="月度演练",
        now=office.clock.now(),
        lasts_us=3_600_000_000,
        announcer=office.planner,
        severity=Severity.ORANGE,
    )
    await office.dispatcher.tick(office.clock.now())
    office.applied_at = office.clock.now()
    office.problems = ("存档写入失败 3 次", "消息发不出去：所有通道都失败")
