"""A year of shifts under a simulated clock: every escalation comes within a second, to whoever is on then."""

import asyncio
import heapq
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from jingqiao.database import reading
from jingqiao.incidents.desk import act
from jingqiao.incidents.incident import Action
from jingqiao.notify.tables import message
from tests.support.eventually import eventually
from tests.support.response import ROSTER, SHANGHAI, Office, at, change

INCIDENTS = 120
MINUTE = 60_000_000
_PEOPLE, _, _TEAMS = ROSTER.partition("[[teams]]")
YEAR = (
    _PEOPLE
    + "[[teams]]"
    + _TEAMS.replace(
        'shifts = [{ people = ["zhang"] }]',
        'shifts = [{ from = "08:00", to = "20:00", rotation = [["zhang"], ["office"]],'
        " rotation_from = 2026-01-05, rotation_weeks = 1 },"
        ' { from = "20:00", to = "08:00", people = ["wang"] }]',
        1,
    )
)


class LeapClock:
    """A clock whose sleepers are woken when the test leaps to their time, and not before."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + round(seconds * 1e6), self._count, woken))
        await woken

    def earliest(self) -> int | None:
        """When somebody wants to be woken next."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def leap(self, to: int) -> None:
        """Let the time be that one."""
        self._now = max(to, self._now)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)


def on_duty(moment: int) -> str:
    """The slow twin of the roster: weeks counted from Monday 2026-01-05, days and nights."""
    local = datetime.fromtimestamp(moment / 1e6, SHANGHAI)
    if not 8 <= local.hour < 20:
        return "wang"
    weeks = (local.date() - datetime(2026, 1, 5, tzinfo=SHANGHAI).date()).days // 7
    return ("zhang", "office")[weeks % 2]


def expected(opened: int, answered: int) -> set[tuple[int, str, int]]:
    """(step, person, when) of one red incident, until it is answered."""
    steps = [
        (0, ["duty"]),
        (5, ["li"]),
        (10, ["wang"]),
        (20, ["duty", "li", "wang"]),
        (30, ["duty", "li", "wang"]),
    ]
    return {
        (index, on_duty(opened + after * MINUTE) if word == "duty" else word, opened + after * MINUTE)
        for index, (after, words) in enumerate(steps)
        for word in words
        if opened + after * MINUTE < answered
    }


async def test_every_step_of_a_year_comes_within_a_second_to_whoever_is_on_then(tmp_path: Path) -> None:
    office = Office(tmp_path, YEAR)
    clock = LeapClock(at("2026-01-05 00:00:00"))
    office.clock = office.dispatcher._clock = clock  # type: ignore[assignment]
    chance = random.Random(20260105)
    span = 364 * 24 * 60
    opened = sorted(chance.sample(range(0, span, 45), INCIDENTS))
    edges = [8 * 60 - 3, 20 * 60 - 7]  # steps on both sides of a handover
    moments = [clock.now() + (m - m % 1440 + edges[m % 2] if m % 3 == 0 else m) * MINUTE for m in opened]
    moments = sorted(set(moments))
    answers = [moment + chance.choice([1, 4, 7, 12, 25, 44]) * MINUTE + 1 for moment in moments]
    events: list[tuple[int, int, Any]] = sorted(
        [(m, i + 1, None) for i, m in enumerate(moments)] + [(a, i + 1, "li") for i, a in enumerate(answers)],
        key=lambda event: event[0],
    )
    courier = office.dispatcher._courier

    def idle() -> bool:
        due = courier.next_due()
        return not office.dispatcher._flying and (
            due is None or (due > clock.now() and clock.earliest() is not None)
        )

    running = asyncio.create_task(office.dispatcher.run())
    for moment, number, who in events:
        while (due := clock.earliest()) is not None and due < moment:
            clock.leap(due)
            await eventually(idle, every_s=0.002)
        clock.leap(moment)
        if who is None:
            office.book.commit(number, [change(asset_id=f"L{number}")], moment)
        else:
            act(office.database, number, Action.ACK, who=who, now=moment, announcer=office.planner)
        office.dispatcher.wake()
        await eventually(idle, every_s=0.002)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with reading(office.database) as connection:
        rows = connection.execute(
            sa.select(message).where(message.c.kind.in_(["step", "escalated", "repeated"]))
        ).mappings()
        came = {
            (row["incident_id"], int(row["dedup_key"].split(":")[2]), row["person"]): row["created_at"]
            for row in rows
        }
    office.close()
    wanted = {
        (number, step, person): when
        for number, (begin, end) in enumerate(zip(moments, answers, strict=True), 1)
        for step, person, when in expected(begin, end)
    }
    assert set(came) == set(wanted)
    late_us = [came[key] - wanted[key] for key in wanted]
    assert len(late_us) > 2 * INCIDENTS
    assert min(late_us) >= 0
    assert max(late_us) <= 1_000_000
