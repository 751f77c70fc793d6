"""A duty office in a test: roster, incidents, outbox, phones in memory, and a clock that is told the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from config.roster import Roster, load_roster
from devices.registry import Registry
from jingqiao.clock import ManualClock
from jingqiao.database import migrate, open_database, reading
from jingqiao.incidents.areas import rule_of
from jingqiao.incidents.book import IncidentBook
from jingqiao.incidents.desk import act
from jingqiao.incidents.facts import asset_facts
from jingqiao.incidents.incident import Action, Incident
from jingqiao.incidents.store import listed
from jingqiao.notify.dispatcher import Dispatcher
from jingqiao.notify.planner import Planner
from jingqiao.notify.sender import Outcome, Outgoing, Receipt, Result, Sender
from rules.alarm import AlarmChange, AlarmState, Hazard, Reason, Severity

SHANGHAI = ZoneInfo("Asia/Shanghai")
LID = "4207040105000001"
LID_2 = "4207040105000002"
BRIDGE = "4207040199000001"

ROSTER = """
fallback = "office"
limits = [{ within = 0 }]

[calm]
most_an_hour = 100000
group_from = 100000
quiet_from = "00:00"
quiet_to = "00:00"
warn_ahead_h = 0

[people.zhang]
name = "张三"
channels = ["phone://zhang"]

[people.li]
name = "李四"
channels = ["phone://li"]

[people.wang]
name = "王五"
language = "en"
channels = ["phone://wang"]

[people.office]
name = "值班室"
channels = ["phone://office"]

[[teams]]
id = "lids"
kinds = ["cover"]
deputy = "li"
leader = "wang"
shifts = [{ people = ["zhang"] }]

[[teams]]
id = "bridge"
kinds = ["bridge"]
leader = "wang"
shifts = [{ people = ["li"] }]

[escalation.red]
repeat_min = 10
repeats = 2
steps = [
  { after_min = 0, who = ["duty"] },
  { after_min = 5, who = ["deputy"] },
  { after_min = 10, who = ["leader"] },
]
"""

REGISTRY = Registry.of(
    [
        {
            "asset_id": LID,
            "kind": "cover",
            "name": "武昌大道55号电力井",
            "district": "鄂城区",
            "road": "武昌大道",
            "lon": 114.879426,
            "lat": 30.393231,
        },
        {"asset_id": LID_2, "kind": "cover", "name": "古城路57号上水井", "road": "古城路"},
        {"asset_id": BRIDGE, "kind": "bridge", "name": "鄂钢跨线桥", "road": "鄂钢路"},
    ],
    [{"sensor_id": "S1", "asset_id": LID}, {"sensor_id": "S2", "asset_id": LID_2}],
)


def at(moment: str) -> int:
    """µs of a local time in Shanghai: `03:00:05` (on 2026-09-23), or with the date before it."""
    text = moment if " " in moment else f"2026-09-23 {moment}"
    return round(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1_000_000)


def local(moment: int) -> str:
    """`03:00:05` of a moment."""
    return f"{datetime.fromtimestamp(moment / 1e6, SHANGHAI):%H:%M:%S}"


def change(
    state: AlarmState = AlarmState.FIRING,
    hazard: Hazard = Hazard.MISSING,
    asset_id: str = LID,
    severity: Severity = Severity.RED,
    event_at: int | None = None,
    **fields: Any,
) -> AlarmChange:
    """An alarm change of the engine."""
    values: dict[str, Any] = {
        "value": 92.0,
        "limit": 60.0,
        "unit": "deg",
        "reason": Reason("notify.hazard.missing"),
        "sensor_ids": ("S1",),
    }
    return AlarmChange(
        asset_id=asset_id,
        hazard=hazard,
        severity=severity,
        state=state,
        event_at=at("03:00:00") if event_at is None else event_at,
        **(values | fields),
    )


class Phones:
    """Phones in memory whose networks can be told to fail, by the channel's URL."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.got: list[tuple[str, str, str, str]] = []
        """(local time, to, title, body)"""
        self.broken: dict[str, Outcome] = {}
        self.receipts: dict[str, Receipt] = {}
        self.tries: list[str] = []

    def send(self, outgoing: Outgoing) -> Outcome:
        self.tries.append(outgoing.channel_url)
        outcome = self.broken.get(outgoing.channel_url, Outcome(Result.SENT))
        if outcome.result is Result.SENT:
            self.got.append((local(self.clock.now()), outgoing.to, outgoing.title, outgoing.body))
        return outcome

    def ask(self, outgoing: Outgoing, provider_id: str, sent_at: int) -> Receipt | None:
        return self.receipts.get(outgoing.channel_url)

    def timeline(self) -> list[tuple[str, str, str]]:
        """(local time, to, first line and the line that says why now), read and emptied."""
        lines = [
            (when, to, body.splitlines()[1] if len(body.splitlines()) > 1 else body)
            for when, to, _, body in self.got
        ]
        self.got.clear()
        return sorted(lines)


class Office:
    """Everything from the engine's change to the phone, on one database."""

    def __init__(
        self,
        folder: Path,
        roster: str = ROSTER,
        *,
        url: str | None = None,
        sender: Sender | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        path = folder / "roster.toml"
        path.write_text(roster, "utf-8")
        self.roster: Roster = load_roster(path, environment or {})
        self.clock = ManualClock(at("03:00:00"))
        self.database: sa.Engine = open_database(url or f"sqlite:///{folder}/jingqiao.db")
        migrate(self.database)
        self.phones = Phones(self.clock)
        self.planner = Planner(lambda: self.roster)
        self.dispatcher = Dispatcher(
            self.database, sender or self.phones, lambda: self.roster, self.planner, self.clock
        )
        self.book = IncidentBook(
            self.database,
            lambda asset_id, sensor_id: asset_facts(REGISTRY, asset_id, sensor_id),
            self.planner,
            self.dispatcher.wake,
            area_rule=lambda: rule_of(self.roster.calm),
        )

    async def engine_says(self, *changes: AlarmChange, seq: int | None = None) -> None:
        """The engine's changes of one batch, and what goes out at once."""
        self.book.commit(self.book.committed_seq() + 1 if seq is None else seq, changes, self.clock.now())
        await self.dispatcher.tick(self.clock.now())

    async def until(self, moment: str) -> None:
        """Let the time pass, with a tick at every moment at which something is due."""
        courier = self.dispatcher._courier
        while self.clock.now() < at(moment):
            due = courier.next_due()
            reached = at(moment) if due is None else min(max(due, self.clock.now() + 1), at(moment))
            await self.clock.advance((reached - self.clock.now()) / 1e6)
            self.clock._now = reached
            await self.dispatcher.tick(reached)

    async def does(self, who: str, action: Action, incident_id: int = 1, **more: Any) -> Incident:
        """A person acts."""
        done = act(
            self.database,
            incident_id,
            action,
            who=who,
            now=self.clock.now(),
            announcer=self.planner,
            **more,
        )
        await self.dispatcher.tick(self.clock.now())
        return done

    def incidents(self) -> Sequence[Incident]:
        """All incidents."""
        with reading(self.database) as connection:
            return listed(connection)

    def close(self) -> None:
        """Let go of everything."""
        self.dispatcher.close()
        self.database.dispose()
