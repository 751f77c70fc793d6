"""The people of the demo: they read their phones, answer, drive out, repair; one of them sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from jingqiao.database import reading
from jingqiao.incidents.desk import NotPossibleError, act
from jingqiao.incidents.incident import Action, Incident, State
from jingqiao.incidents.store import live_incidents
from jingqiao.notify.phone import PhoneSender
from jingqiao.notify.planner import Planner
from jingqiao.service import Service

MINUTE_US: Final = 60_000_000
ANSWER_AFTER: Final[Mapping[int, int]] = {
    4: 4 * MINUTE_US,
    3: 6 * MINUTE_US,
    2: 20 * MINUTE_US,
    1: 60 * MINUTE_US,
}
"""Severity → how long until somebody answers. Red and orange wait past the first step, so that the demo
shows the deputy being called."""
ON_SITE_AFTER: Final = 30 * MINUTE_US
REPAIRED_AFTER: Final = 6 * 60 * MINUTE_US
"""On site 30 min, repaired 6 h: limits of Tianjin (domain.md)."""


class Officers:
    """Answers incidents in the name of whoever was told last."""

    def __init__(self, service: Service, phone: PhoneSender) -> None:
        self._service = service
        self._phone = phone
        self._planner = Planner(service.roster)

    async def answer(self, now: int) -> bool:
        """Do what people would have done by now; True while somebody is expected to answer."""
        waiting = False
        for incident in await asyncio.to_thread(self._live):
            action = _next(incident, now)
            if action is not None:
                await asyncio.to_thread(self._act, incident, action, now)
            waiting |= incident.state is State.OPEN and incident.severity >= 3
        return waiting

    def _live(self) -> list[Incident]:
        with reading(self._service.database) as connection:
            return live_incidents(connection)

    def _act(self, incident: Incident, action: Action, now: int) -> None:
        told = [m.to for m in self._phone.messages if m.reference.startswith(f"{incident.id}:")]
        who = told[-1] if told else "值班室"
        try:
            act(
                self._service.database,
                incident.id,
                action,
                who=who,
                now=now,
                announcer=self._planner,
            )
        except NotPossibleError:
            return


def _next(incident: Incident, now: int) -> Action | None:
    since = now - (incident.unanswered_since or incident.opened_at)
    match incident.state:
        case State.OPEN if since >= ANSWER_AFTER[int(incident.severity)]:
            return Action.ACK
        case State.ACKNOWLEDGED if now - (incident.acknowledged_at or now) >= ON_SITE_AFTER:
            return Action.ON_SITE
        case State.ON_SITE if not incident.alarm_firing and now - incident.changed_at >= REPAIRED_AFTER:
            return Action.RESOLVE
        case _:
            return None
