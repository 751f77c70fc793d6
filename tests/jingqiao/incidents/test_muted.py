"""Nights with announced work: nobody is woken, all of it is on record, what still stands at the end rings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jingqiao.database import reading
from jingqiao.incidents.muted import Muted, kept_back_now, muted_by
from jingqiao.incidents.tables import alarm_change, muted_alarm
from tests.support.at_work import AtWork
from tests.support.response import LID, REGISTRY, Office, at, local

PERMIT = 5


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = Office(tmp_path)
    yield opened
    opened.close()


class Night:
    """Office and engine: a permit at the lid of 武昌大道 from 03:00 to 05:00."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.work = AtWork(REGISTRY, LID, PERMIT, at("03:00:00"), at("05:00:00"), "S1")
        for minute in range(10):  # it has been whole for a while
            self.work.lies(at("02:30:00") + minute * 60_000_000)

    async def at(self, moment: str, *, opened: bool | None = None) -> None:
        """Time comes to a moment, and the sensor says that the lid is off, or lies; None = it sleeps."""
        await self.office.until(moment)
        changes = self.work.passes(at(moment))
        if opened is not None:
            changes += self.work.stands_open(at(moment)) if opened else self.work.lies(at(moment))
        seq = self.office.book.committed_seq() + 1
        muted = [(seq, item) for _, item in self.work.take()]
        self.office.book.commit(seq, changes, self.office.clock.now(), [seq] * len(changes), muted)
        await self.office.dispatcher.tick(self.office.clock.now())

    def kept(self) -> list[tuple[str, str, str, str | None]]:
        """What the permit muted: hazard, colour, from, to."""
        with reading(self.office.database) as connection:
            return told(muted_by(connection, [PERMIT]).get(PERMIT, []))

    def kept_now(self) -> list[tuple[str, str, str, str | None]]:
        """What it mutes at this moment."""
        with reading(self.office.database) as connection:
            return told(kept_back_now(connection, self.office.clock.now()).get(PERMIT, []))


def told(items: list[Muted]) -> list[tuple[str, str, str, str | None]]:
    return [
        (item.hazard.value, item.severity.colour, local(item.since), item.until and local(item.until))
        for item in items
    ]


async def test_a_crew_opens_and_closes_a_lid_under_its_permit_and_everybody_sleeps(office: Office) -> None:
    """Permit 03:00–05:00. 03:10 the lid is off: no phone, on record. 04:40 it lies again. 05:00 no phone."""
    night = Night(office)
    await night.at("03:10:00", opened=True)
    assert night.kept() == [], "not held long enough to ring anywhere"
    await night.at("03:10:05")
    assert night.kept() == night.kept_now() == [("missing", "red", "03:10:00", None)]
    for moment in ("04:40:00", "04:45:00", "04:50:00", "04:55:00"):
        await night.at(moment, opened=False)
    await night.at("05:30:00")
    assert office.phones.got == []
    assert office.incidents() == []
    assert night.kept() == [("missing", "red", "03:10:00", "04:40:00")]
    assert night.kept_now() == []


async def test_a_lid_that_the_crew_left_open_rings_when_the_permit_ends(office: Office) -> None:
    """Permit 03:00–05:00. 03:10 the lid is off, and stays so: at 05:00:05 Zhang, at 05:05:05 the deputy."""
    night = Night(office)
    await night.at("03:10:00", opened=True)
    await night.at("04:59:59")
    assert office.phones.got == []
    await night.at("05:00:05")
    await office.until("05:06:00")
    assert [(when, to) for when, to, _, _ in office.phones.got] == [
        ("05:00:05", "张三"),
        ("05:05:05", "李四"),
    ]
    assert night.kept() == [("missing", "red", "03:10:00", None)], "it stood until the work ended"
    assert night.kept_now() == [], "nothing mutes it any more"


async def test_what_was_muted_is_in_no_list_of_alarms_and_stored_once_however_often_it_is_replayed(
    office: Office,
) -> None:
    night = Night(office)
    night.work.stands_open(at("03:10:00"))
    night.work.passes(at("03:10:05"))
    muted = [(7, item) for _, item in night.work.take()]
    for seq in (7, 7, 6):  # a restart replays what was committed
        office.book.commit(seq, [], at("03:10:00"), [], muted)
    office.book.commit(9, [], at("03:10:00"), [], muted)  # … cut elsewhere
    with reading(office.database) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(alarm_change)) == 0
        rows = connection.execute(sa.select(muted_alarm)).mappings().all()
    assert [(row["seq"], row["permit_id"], row["asset_id"], row["sensor_id"]) for row in rows] == [
        (7, PERMIT, LID, "S1")
    ]
    assert rows[0]["evidence"]["decided_at_us"] == at("03:10:05")
    assert office.book.committed_seq() == 9
