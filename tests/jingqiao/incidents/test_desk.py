"""The desk: what people may do with an incident in which state."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jingqiao.database import reading
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError, act
from jingqiao.incidents.incident import Action, State, after, possible
from jingqiao.incidents.store import transitions_of
from tests.support.response import Office, change


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path)
    yield opened
    opened.close()


async def test_a_whole_life_is_rows_with_who_when_and_why(office: Office) -> None:
    await office.engine_says(change())
    for who, action, why in [
        ("zhang", Action.ACK, ""),
        ("zhang", Action.ASSIGN, ""),
        ("li", Action.ON_SITE, ""),
        ("li", Action.COMMENT, "照片 20260923-1.jpg"),
        ("li", Action.RESOLVE, "换新盖"),
        ("wang", Action.CLOSE, "已复查"),
    ]:
        await office.does(who, action, why=why)
    with reading(office.database) as connection:
        rows = transitions_of(connection, 1)
    assert [(r["event"], r["from_state"], r["to_state"], r["who"], r["why"]) for r in rows] == [
        ("opened", None, "open", "jingqiao", ""),
        ("acknowledged", "open", "acknowledged", "zhang", ""),
        ("assigned", "acknowledged", "dispatched", "zhang", ""),
        ("on_site", "dispatched", "on_site", "li", ""),
        ("comment", "on_site", "on_site", "li", "照片 20260923-1.jpg"),
        ("resolved", "on_site", "resolved", "li", "换新盖"),
        ("closed", "resolved", "closed", "wang", "已复查"),
    ]


async def test_a_second_person_who_answers_is_recorded_and_takes_nothing_away(office: Office) -> None:
    await office.engine_says(change())
    await office.does("zhang", Action.ACK)
    incident = await office.does("li", Action.ACK)
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "zhang")


async def test_an_assigned_person_of_the_roster_is_told(office: Office) -> None:
    await office.engine_says(change())
    office.phones.got.clear()
    await office.does("zhang", Action.ASSIGN, assignee="li")
    assert [(to, body.splitlines()[1]) for _, to, _, body in office.phones.got] == [
        ("李四", "已派单给 李四（张三 派）")
    ]


async def test_a_wrong_step_says_which_are_possible(office: Office) -> None:
    await office.engine_says(change())
    await office.does("zhang", Action.CLOSE)
    with pytest.raises(NotPossibleError) as raised:
        await office.does("zhang", Action.RESOLVE)
    assert raised.value.possible == (Action.REOPEN, Action.COMMENT)


def test_an_unknown_incident_is_named(office: Office) -> None:
    with pytest.raises(UnknownIncidentError):
        act(office.database, 99, Action.ACK, who="zhang", now=1)


@given(st.sampled_from(State), st.sampled_from(Action))
def test_what_is_possible_and_what_is_done_agree(state: State, action: Action) -> None:
    assert (after(action, state) is not None) == (action in possible(state))
