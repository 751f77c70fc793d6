"""Map and report are carried on from change to change: always what reading everything anew would give."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from jingqiao.database import reading
from jingqiao.incidents import store
from jingqiao.incidents.deadlines import deadlines_by
from jingqiao.incidents.desk import NotPossibleError
from jingqiao.incidents.incident import Action
from jingqiao.map.states import change_mark, followed, overlay, quiet_states
from jingqiao.reports.report import Report, report
from jingqiao.reports.span import span_of
from jingqiao.reports.telling import COLUMNS
from rules.alarm import AlarmState, Hazard, Severity
from tests.support.response import BRIDGE, LID, LID_2, REGISTRY, ROSTER, SHANGHAI, Office, change

DAY = span_of("daily", date(2026, 9, 23), SHANGHAI)
ACTS = (
    *(Action.ACK, Action.ON_SITE, Action.RESOLVE, Action.CLOSE, Action.FALSE_ALARM, Action.REOPEN),
    *(Action.ASSIGN, Action.COMMENT),
)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path, ROSTER.replace("limits = [{ within = 0 }]\n", ""))
    yield made
    made.close()


async def something_happens(office: Office, dice: random.Random) -> None:
    """An alarm begins, changes or ends, or a person acts."""
    await office.clock.advance(dice.choice([1.0, 60.0, 1800.0]))
    if dice.random() < 0.5 or not office.incidents():
        what = change(
            dice.choice([AlarmState.FIRING, AlarmState.FIRING, AlarmState.CLEAR]),
            dice.choice([Hazard.MISSING, Hazard.FLOODED, Hazard.SILENT]),
            dice.choice([LID, LID_2, BRIDGE, ""]),
            dice.choice(list(Severity)),
            office.clock.now(),
        )
        await office.engine_says(what)
        return
    chosen = dice.choice(office.incidents())
    act = dice.choice(ACTS)
    more = {"assignee": "li"} if act is Action.ASSIGN else {}
    try:
        await office.does(dice.choice(["zhang", "li"]), act, chosen.id, why="看过", **more)
    except NotPossibleError:
        await office.clock.advance(1.0)


def figures(found: Report) -> tuple[object, ...]:
    """All that a page shows of a report."""
    names = (*COLUMNS, "subject", "acknowledged_by")
    shown = [[getattr(item, name, None) for name in names] for item in found.opened]
    late = [(late.incident.id, late.deadline) for late in found.late]
    again = [(item.asset_id, item.count, item.hazards) for item in found.again]
    counts = (found.carried, found.finished, found.open_at_end, found.false_alarms, found.stages, found.due)
    return shown, late, again, counts, dict(found.by_hazard), dict(found.by_district)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("look_back", [0, 500])
async def test_carried_on_is_the_same_as_read_anew(
    office: Office, seed: int, look_back: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_LOOK_BACK", look_back)
    dice = random.Random(seed)
    deadlines, quiet = deadlines_by(office.roster), quiet_states(REGISTRY)
    before_report: Report | None = None
    with reading(office.database) as connection:
        mark, before = change_mark(connection), overlay(connection, REGISTRY, quiet)
    for _ in range(40):
        for _ in range(dice.randrange(3)):
            await something_happens(office, dice)
        now = office.clock.now()
        with reading(office.database) as connection:
            changed = store.changed_since(connection, mark[0])
            assert changed is not None
            shown = followed(connection, REGISTRY, quiet, before, mark[0])
            anew = overlay(connection, REGISTRY, quiet)
            carried = report(
                connection, DAY, now, deadlines, whole=False, before=before_report, changed=changed
            )
            fresh = report(connection, DAY, now, deadlines, whole=False)
            mark = change_mark(connection)
        assert shown.alerts == anew.alerts
        np.testing.assert_array_equal(shown.state, anew.state)
        assert figures(carried) == figures(fresh)
        before, before_report = shown, carried


async def test_very_many_changes_are_read_anew(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_CHANGED_AT_MOST", 2)
    await office.engine_says(*(change(asset_id=f"L{n}") for n in range(3)))
    with reading(office.database) as connection:
        assert store.changed_since(connection, 0) is None


async def test_figures_alone_are_the_same_as_with_everything(office: Office) -> None:
    await office.engine_says(change(), change(hazard=Hazard.TILTED, asset_id=LID_2))
    with reading(office.database) as connection:
        light, whole = (
            report(connection, DAY, office.clock.now(), deadlines_by(office.roster), whole=whole)
            for whole in (False, True)
        )
    assert (light.by_hazard, light.stages, light.due) == (whole.by_hazard, whole.stages, whole.due)
    assert [item.id for item in light.opened] == [item.id for item in whole.opened]
    assert (light.opened[0].sensor_ids, whole.opened[0].sensor_ids) == ((), ("S1",))
