"""Looks ahead on the roster: a shift with nobody who can be told is told of before it begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import sqlalchemy as sa
import structlog

from config.messages import text
from config.roster import Roster, Team
from jingqiao.clock import Clock
from jingqiao.database import writing
from jingqiao.notify.channels import mark_of, strict_channel
from jingqiao.notify.outbox import NewMessage, enqueue
from jingqiao.notify.sender import Result
from jingqiao.notify.tables import attempt
from jingqiao.roster.duty import pieces
from rules.alarm import Severity

EVERY_S: Final = 60.0
_DAY_US: Final = 86_400_000_000
_HOUR_US: Final = 3_600_000_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hole:
    """A time in which a team cannot be told. start, end : int  [µs since 1970 UTC]"""

    team: str
    start: int
    end: int
    why: Literal["nobody", "unreachable"]
    people: tuple[str, ...]
    tell: tuple[str, ...]


def holes(roster: Roster, reachable: Callable[[str], bool], now: int) -> Iterator[Hole]:
    """Times within `calm.warn_ahead_h` in which a team has nobody, or nobody who is reachable."""
    end = now + round(roster.calm.warn_ahead_h * _HOUR_US)
    for team in roster.teams:
        yield from _holes_of(roster, team, reachable, now, end)


class ShiftWatch:
    """Tells leader and fallback of holes, each hole once."""

    def __init__(
        self, database: sa.Engine, roster: Callable[[], Roster], clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._roster = roster
        self._clock = clock
        self._wake = wake

    async def run(self) -> None:
        """Step for ever."""
        while True:
            try:
                await asyncio.to_thread(self.step)
            except sa.exc.SQLAlchemyError:
                log.exception("the coming shifts cannot be looked at; trying again")
            await self._clock.sleep(EVERY_S)

    def step(self) -> list[Hole]:
        """Look ahead once; gives what was found, told or told before."""
        roster, now = self._roster(), self._clock.now()
        with writing(self._database) as connection:
            found = list(holes(roster, lambda person: can_be_told(connection, roster, person, now), now))
            enqueue(connection, [new for hole in found for new in _messages(roster, hole)], now)
        if found:
            log.error("a coming shift has nobody who can be told", teams=sorted({h.team for h in found}))
            self._wake()
        return found


def can_be_told(connection: sa.Connection, roster: Roster, person: str, now: int) -> bool:
    """Whether a person has a channel that is right, and was not refused for good when last tried in a day."""
    if person not in roster.people:
        return False
    for channel in roster.people[person].channels:
        try:
            strict_channel(channel.url)
        except ValueError:
            continue
        last = connection.execute(
            sa.select(attempt.c.outcome)
            .where(
                attempt.c.address == mark_of(channel.url),
                attempt.c.person == person,
                attempt.c.started_at > now - _DAY_US,
                attempt.c.outcome.in_([result.value for result in Result]),
            )
            .order_by(attempt.c.id.desc())
            .limit(1)
        ).scalar()
        if last != Result.FAILED_PERMANENT.value:
            return True
    return False


def _holes_of(
    roster: Roster, team: Team, reachable: Callable[[str], bool], now: int, end: int
) -> Iterator[Hole]:
    for at, duty in pieces(roster, team, now, end):
        if not any(reachable(person) for person in duty.people):
            leader = duty.leader if duty.leader is not None and duty.leader not in duty.people else None
            tell = tuple(dict.fromkeys(p for p in (leader, duty.fallback) if p is not None))
            why: Literal["nobody", "unreachable"] = "unreachable" if duty.people else "nobody"
            yield Hole(team.id, at, duty.until, why, duty.people, tell)


def _messages(roster: Roster, hole: Hole) -> Iterator[NewMessage]:
    for person in hole.tell:
        language = roster.people[person].language or roster.language
        start, end = (datetime.fromtimestamp(at / 1_000_000, roster.zone) for at in (hole.start, hole.end))
        names = ", ".join(roster.people[p].name if p in roster.people else p for p in hole.people)
        title = text("calm.shift.title", language, team=hole.team)
        body = text(
            f"calm.shift.{hole.why}",
            language,
            team=hole.team,
            start=f"{start:%m-%d %H:%M}",
            end=f"{end:%m-%d %H:%M}",
            people=names,
        )
        # By its end: the hole that is begun has another beginning at every look.
        key = f"shift:{hole.team}:{hole.end}:{hole.why}:{person}"
        fields = {"severity": title, "hazard": title, "place": hole.team, "id": "0", "note": body}
        yield NewMessage(
            key, None, "shift", int(Severity.ORANGE), person, "informed", title, f"{title}\n{body}", fields
        )
