"""The book of incidents: one for each thing that is wrong, none lost, none twice, whatever the order."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from jingqiao.database import migrate, open_database, reading
from jingqiao.incidents.book import IncidentBook, subject_of
from jingqiao.incidents.event import IncidentEvent
from jingqiao.incidents.facts import asset_facts
from jingqiao.incidents.incident import LIVE, SELF_HEALING, Action, State
from jingqiao.incidents.store import listed, transitions_of
from jingqiao.incidents.tables import alarm_change
from rules.alarm import AlarmChange, AlarmState, Hazard, Severity
from tests.support.response import LID, LID_2, REGISTRY, Office, at, change

FIRING, CLEAR = AlarmState.FIRING, AlarmState.CLEAR


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path)
    yield opened
    opened.close()


def history(office: Office, incident_id: int = 1) -> list[str]:
    with reading(office.database) as connection:
        return [row["event"] for row in transitions_of(connection, incident_id)]


async def test_a_replayed_batch_changes_nothing(office: Office) -> None:
    await office.engine_says(change(), seq=7)
    await office.engine_says(change(), seq=7)
    await office.engine_says(change(hazard=Hazard.LOOSE), seq=6)
    assert [(i.id, i.hazard, i.state) for i in office.incidents()] == [(1, Hazard.MISSING, State.OPEN)]
    assert office.book.committed_seq() == 7
    assert len(office.phones.got) == 1


async def test_a_replay_that_cuts_its_batches_elsewhere_takes_only_what_is_new(office: Office) -> None:
    """Committed through record 7; after the crash the next batch is records 5 to 9."""
    await office.engine_says(change(), seq=7)
    office.book.commit(
        9, [change(), change(asset_id=LID_2, sensor_ids=("S2",))], office.clock.now(), change_seqs=[6, 8]
    )
    assert [i.asset_id for i in office.incidents()] == [LID, LID_2]
    with reading(office.database) as connection:
        seqs = connection.execute(sa.select(alarm_change.c.seq).order_by(alarm_change.c.id)).scalars().all()
    assert seqs == [7, 8]


async def test_a_checkpoint_moves_though_nothing_is_wrong(office: Office) -> None:
    await office.engine_says(seq=12)
    assert office.book.committed_seq() == 12


async def test_firing_again_while_open_is_the_same_incident(office: Office) -> None:
    await office.engine_says(change())
    await office.engine_says(change(CLEAR))
    await office.engine_says(change(value=95.0))
    (incident,) = office.incidents()
    assert (incident.id, incident.value, incident.alarm_firing) == (1, 95.0, True)
    assert history(office) == ["opened", "cleared", "refired"]


async def test_a_severity_that_rises_after_the_answer_asks_again(office: Office) -> None:
    await office.engine_says(change(severity=Severity.YELLOW))
    await office.does("zhang", Action.ACK)
    office.phones.got.clear()
    await office.engine_says(change(severity=Severity.RED))
    (incident,) = office.incidents()
    assert (incident.severity, incident.state) == (Severity.RED, State.ACKNOWLEDGED)
    assert [(to, body.splitlines()[1]) for _, to, _, body in office.phones.got] == [
        ("张三", "等级升高：黄色 → 红色")
    ]
    assert history(office) == ["opened", "acknowledged", "raised"]


async def test_a_severity_that_flutters_after_the_answer_asks_nobody_twice(office: Office) -> None:
    await office.engine_says(change(severity=Severity.RED))
    await office.does("zhang", Action.ACK)
    office.phones.got.clear()
    for severity in (Severity.ORANGE, Severity.RED, Severity.ORANGE, Severity.RED):
        await office.engine_says(change(severity=severity))
    assert office.phones.got == []


async def test_a_flood_that_fell_resolves_itself(office: Office) -> None:
    await office.engine_says(change(hazard=Hazard.FLOODED, severity=Severity.ORANGE))
    await office.engine_says(change(CLEAR, hazard=Hazard.FLOODED, severity=Severity.ORANGE))
    assert [i.state for i in office.incidents()] == [State.RESOLVED]
    assert history(office) == ["opened", "cleared", "resolved"]


async def test_a_repair_that_did_not_hold_reopens_the_incident(office: Office) -> None:
    await office.engine_says(change())
    await office.does("zhang", Action.RESOLVE, why="盖回")
    await office.engine_says(change(CLEAR))
    office.phones.got.clear()
    await office.engine_says(change())
    assert [(i.id, i.state) for i in office.incidents()] == [(1, State.OPEN)]
    assert [to for _, to, _, _ in office.phones.got] == ["张三"]


async def test_a_closed_case_stays_closed_and_a_later_theft_is_a_new_one(office: Office) -> None:
    await office.engine_says(change())
    await office.does("zhang", Action.CLOSE)
    await office.engine_says(change(CLEAR))
    await office.until("05:30:00")
    await office.engine_says(change())
    assert [(i.id, i.state, i.previous_id) for i in office.incidents()] == [
        (1, State.CLOSED, None),
        (2, State.OPEN, 1),
    ]


async def test_after_a_false_alarm_the_next_alarm_is_judged_on_its_own(office: Office) -> None:
    await office.engine_says(change())
    await office.does("zhang", Action.FALSE_ALARM, why="养护班开盖")
    await office.engine_says(change(CLEAR))
    await office.engine_says(change())
    assert [(i.id, i.state) for i in office.incidents()] == [(1, State.FALSE_ALARM), (2, State.OPEN)]


async def test_what_back_filled_data_show_is_recorded_and_wakes_nobody(office: Office) -> None:
    await office.engine_says(change(historical=True), change(AlarmState.PENDING))
    assert office.incidents() == []
    assert office.phones.got == []
    with reading(office.database) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(alarm_change)).scalar() == 2


async def test_a_lid_that_came_and_went_within_one_batch_is_still_told(office: Office) -> None:
    """After an outage both changes come at once: somebody has to look at that lid all the same."""
    await office.engine_says(change(), change(CLEAR))
    await office.until("03:20:00")
    assert [to for _, to, _, _ in office.phones.got] == ["张三"]


async def test_a_gateway_and_a_loose_sensor_have_their_own_incidents(office: Office) -> None:
    await office.engine_says(
        change(asset_id="", hazard=Hazard.SILENT, evidence={"gateway": "gw-1"}, sensor_ids=("S1", "S2")),
        change(asset_id="", hazard=Hazard.SILENT, sensor_ids=("S9",)),
    )
    assert [i.subject for i in office.incidents()] == ["gateway:gw-1", "sensor:S9"]
    assert ["网关 gw-1" in body or "传感器 S9" in body for _, _, _, body in office.phones.got] == [True, True]


async def test_numbers_that_are_none_and_numbers_of_numpy_are_stored_plainly(office: Office) -> None:
    evidence = {"rate": np.float32(1.5), "forecast": math.nan, "neighbours": np.array([1, 2])}
    await office.engine_says(change(value=math.nan, limit=math.inf, evidence=evidence))
    (incident,) = office.incidents()
    assert (incident.value, incident.limit) == (None, None)
    assert incident.evidence == {"rate": 1.5, "forecast": None, "neighbours": [1, 2]}


class _Broken:
    """An announcer that fails."""

    def announce(self, connection: sa.Connection, events: Sequence[IncidentEvent], now: int) -> None:
        raise RuntimeError("no roster")

    def escalate(self, connection: sa.Connection, now: int) -> None:
        raise AssertionError


def test_a_commit_that_fails_half_way_leaves_nothing_and_can_be_repeated(office: Office) -> None:
    facts = asset_facts
    broken = IncidentBook(office.database, lambda a, s: facts(REGISTRY, a, s), _Broken())
    with pytest.raises(RuntimeError):
        broken.commit(1, [change()], at("03:00:00"))
    assert (office.incidents(), office.book.committed_seq()) == ([], 0)
    office.book.commit(1, [change()], at("03:00:00"))
    assert len(office.incidents()) == 1


CHANGES = st.lists(
    st.builds(
        lambda state, hazard, asset, severity, minute: change(
            state, hazard, asset, severity, at("03:00:00") + minute * 60_000_000
        ),
        st.sampled_from([FIRING, FIRING, CLEAR]),
        st.sampled_from([Hazard.MISSING, Hazard.FLOODED]),
        st.sampled_from([LID, LID_2, ""]),
        st.sampled_from(list(Severity)),
        st.integers(0, 500),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(CHANGES, st.lists(st.integers(1, 6), min_size=30, max_size=30), st.integers(0, 60))
def test_however_changes_come_one_live_incident_each_and_none_lost(
    changes: list[AlarmChange], sizes: list[int], minutes: int
) -> None:
    """The slow, obvious twin: what fires now must have exactly one live incident; what healed has none."""
    with TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/a.db")
        migrate(engine)
        book = IncidentBook(engine, lambda a, s: asset_facts(REGISTRY, a, s))
        rest, now, seq = list(changes), at("03:00:00"), 0
        while rest:
            size, seq, now = sizes[seq % len(sizes)], seq + 1, now + minutes * 60_000_000
            batch, rest = rest[:size], rest[size:]
            book.commit(seq, batch, now)
            book.commit(seq, batch, now)
        with reading(engine) as connection:
            found = listed(connection)
        engine.dispose()
    last = {(subject_of(c), c.hazard): c for c in changes}
    seen_firing = {(subject_of(c), c.hazard) for c in changes if c.state is FIRING}
    live = Counter((i.subject, i.hazard) for i in found if i.state in LIVE)
    expected = {key for key in seen_firing if last[key].state is FIRING or key[1] not in SELF_HEALING}
    assert set(live) == expected
    assert set(live.values()) <= {1}
    assert {(i.subject, i.hazard) for i in found} == seen_firing
    for incident in found:
        if (incident.subject, incident.hazard) in live and incident.state in LIVE:
            change_ = last[incident.subject, incident.hazard]
            assert incident.alarm_firing == (change_.state is FIRING)
            if incident.alarm_firing:
                assert incident.severity == change_.severity
