"""Turns what happened to incidents, and the time that passes, into messages: who hears what, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
import structlog

from config.roster import Roster
from jingqiao.drills.drill import end_overdue
from jingqiao.incidents.event import Event, IncidentEvent
from jingqiao.incidents.incident import SYSTEM, Incident, from_row
from jingqiao.incidents.store import find, insert_transitions, members_of, update_incidents
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.calm import release, sift
from jingqiao.notify.informing import messages_about
from jingqiao.notify.outbox import (
    ARRIVED,
    KEPT,
    STEP_KINDS,
    WAITING,
    MessageState,
    NewMessage,
    cancel_steps,
    enqueue,
    told,
)
from jingqiao.notify.standing import PROMISED, enough, is_person, waits
from jingqiao.notify.steps import MINUTE_US, Steps, Taken, crude_message
from jingqiao.notify.summaries import Link
from jingqiao.notify.tables import message
from jingqiao.roster.escalation import DueStep

_PUSHED_US: Final = MINUTE_US
"""How far a step is pushed that could not be planned: it cannot crash-loop, and it is tried again [µs]."""
_LAST_RESORT_US: Final = 5 * MINUTE_US
"""How often everybody is tried again while nobody can be told [µs]."""
_BATCH: Final = 400
_ANSWERS: Final = frozenset(
    {
        Event.ACKNOWLEDGED,
        Event.ASSIGNED,
        Event.ON_SITE,
        Event.RESOLVED,
        Event.CLOSED,
        Event.FALSE_ALARM,
        Event.DRILL_ENDED,
    }
)

log = structlog.get_logger()


class Planner:
    """Writes messages into the outbox, inside the transaction that is handed in.

    roster : () → Roster  The roster of the moment.
    link : Link | None  Makes the links to answer; None = messages carry none.
    """

    def __init__(
        self,
        roster: Callable[[], Roster],
        link: Link | None = None,
    ) -> None:
        self._roster = roster
        self._link = link

    def announce(self, connection: sa.Connection, events: Sequence[IncidentEvent], now: int) -> None:
        """Tell people what happened, beyond the steps that ask them to answer."""
        roster = self._roster()
        for event in events:
            if event.event in _ANSWERS:
                _take_back(connection, roster, event, now)
        self._expect_progress(connection, roster, events, now)
        audience = _audience(connection, events)
        messages: list[NewMessage] = []
        for event in events:
            if event.quiet:
                continue
            try:
                messages += messages_about(roster, event, audience.get(event.incident.id, []), now)
            except Exception:
                log.exception("a message could not be composed", incident=event.incident.id)
        self._put(connection, roster, messages, [e.incident for e in events], now)

    def escalate(self, connection: sa.Connection, now: int) -> None:
        """Take every step that is due by now. Several overdue ones become one message a person."""
        roster = self._roster()
        over = end_overdue(connection, now)
        if over:
            self.announce(connection, over, now)
        steps = Steps(roster, self._link, now)
        while True:
            query = (
                sa.select(incident_table)
                .where(sa.or_(incident_table.c.next_step_at <= now, incident_table.c.next_urge_at <= now))
                .order_by(incident_table.c.severity.desc(), incident_table.c.id)
                .limit(_BATCH)
                .with_for_update(skip_locked=True)
            )
            waiting = [from_row(dict(row)) for row in connection.execute(query).mappings()]
            if not waiting:
                return
            changed, messages, events = [], [], []
            for incident in waiting:
                try:
                    after, new, happened = _due_by(steps, incident, now)
                except Exception:
                    log.exception("an escalation could not be planned", incident=incident.id)
                    after, new, happened = _pushed(incident, now), [], []
                    if incident.next_step_at is not None and incident.next_step_at <= now:
                        new = [crude_message(roster, incident)]
                changed.append(after)
                messages += new
                events += happened
            update_incidents(connection, changed)
            insert_transitions(connection, events, now, [e.incident.state for e in events])
            _supersede(connection, messages, now)
            self._put(connection, roster, messages, changed, now)

    def enough(self, incident: Incident, answered_by: Sequence[str]) -> bool:
        """Whether these people's answers are all that its severity needs."""
        return enough(self._roster(), incident, answered_by)

    def release(self, connection: sa.Connection, now: int) -> None:
        """Let go of what was held back and may be told now; all of it, should the rules of calm break."""
        try:
            with connection.begin_nested():
                release(connection, self._roster(), now, self._link)
        except Exception:
            log.exception("held messages could not be summed up; each of them is sent")
            connection.execute(
                sa.update(message)
                .where(message.c.state == MessageState.HELD.value, message.c.due_at <= now)
                .values(state=MessageState.PENDING.value, let_go_at=now)
            )

    def _put(
        self,
        connection: sa.Connection,
        roster: Roster,
        messages: Sequence[NewMessage],
        incidents: Sequence[Incident],
        now: int,
    ) -> None:
        """Into the outbox, by the rules of calm; should those break, people are told rather too much."""
        try:
            with connection.begin_nested():
                known = {incident.id: incident for incident in incidents}
                sift(connection, roster, messages, known, now, self._link)
        except Exception:
            log.exception("messages could not be sifted; all of them are sent")
            enqueue(connection, messages, now)

    def hurry(self, connection: sa.Connection, incident_id: int, dedup_key: str, now: int) -> None:
        """A step's message failed for good: when the step reached nobody, take the next one now.

        After the last step the fallback is told; when that fails too, everybody is tried again in a while.
        """
        step_key = dedup_key.rpartition(":")[0]
        reached = (
            sa.select(sa.func.count())
            .select_from(message)
            .where(
                message.c.incident_id == incident_id,
                message.c.dedup_key.startswith(f"{step_key}:", autoescape=True),
                message.c.state.in_([state.value for state in (*WAITING, *ARRIVED, *KEPT)]),
            )
        )
        incident = find(connection, incident_id, lock=True)
        if incident is None or not waits(incident) or connection.execute(reached).scalar_one():
            return
        if step_key != f"{incident.id}:{incident.episode}:{incident.step - 1}":
            return  # time has taken a further step already
        roster = self._roster()
        steps = Steps(roster, self._link, now)
        policy = roster.policy(incident.severity.colour)
        if incident.step < len(policy.steps):
            step = DueStep(incident.step, now, policy.steps[incident.step].who)
            after, messages, events = steps.take(incident, [step])
        elif not incident.unreachable:
            step = DueStep(incident.step, now, ("fallback",))
            after, messages, events = steps.take(incident, [step])
            after = replace(after, unreachable=True)
            events.append(IncidentEvent(Event.UNREACHABLE, after, after.severity, SYSTEM, "channels failed"))
        else:
            after, messages, events = replace(incident, next_step_at=now + _LAST_RESORT_US), [], []
        if after.unreachable:
            log.error("nobody could be told of an incident: every channel failed", incident=incident.id)
        update_incidents(connection, [after])
        insert_transitions(connection, events, now, [e.incident.state for e in events])
        self._put(connection, roster, messages, [after], now)

    def _expect_progress(
        self, connection: sa.Connection, roster: Roster, events: Sequence[IncidentEvent], now: int
    ) -> None:
        """An answer is a promise: when nobody is on site within the limit, people are asked anew."""
        expected = []
        for event in events:
            incident = event.incident
            limit_min = roster.policy(incident.severity.colour).progress_min
            if (
                event.event in (Event.ACKNOWLEDGED, Event.ASSIGNED)
                and incident.state in PROMISED
                and incident.unanswered_since is None
                and not incident.is_area
                and limit_min
            ):
                expected.append(replace(incident, next_step_at=now + round(limit_min * MINUTE_US)))
        update_incidents(connection, expected)


def _take_back(connection: sa.Connection, roster: Roster, event: IncidentEvent, now: int) -> None:
    """What an answer makes needless: every asking, or, where more answers are needed, that person's own."""
    if event.incident.unanswered_since is None:
        cancel_steps(connection, event.incident.id, now)
    else:
        own = [p for p in roster.people if is_person(roster, p, event.who)]
        cancel_steps(connection, event.incident.id, now, own)


def _audience(connection: sa.Connection, events: Sequence[IncidentEvent]) -> dict[int, list[str]]:
    """Who was asked about each incident; of an area, about any of its members."""
    about = [e.incident for e in events if e.event not in (Event.OPENED, Event.COMMENT) and not e.quiet]
    members = {i.id: [m.id for m in members_of(connection, i.id)] for i in about if i.is_area}
    ids = list(dict.fromkeys([i.id for i in about] + [m for own in members.values() for m in own]))
    audience: dict[int, list[str]] = {}
    for start in range(0, len(ids), _BATCH):
        audience |= told(connection, ids[start : start + _BATCH])
    for area, own in members.items():
        audience[area] = list(dict.fromkeys(p for member in own for p in audience.get(member, [])))
    return audience


def _due_by(steps: Steps, incident: Incident, now: int) -> Taken:
    """The step and the urging that are due."""
    after, messages, events = incident, list[NewMessage](), list[IncidentEvent]()
    if incident.next_step_at is not None and incident.next_step_at <= now:
        after, messages, events = steps.advance(incident)
    if after.next_urge_at is not None and after.next_urge_at <= now:
        after, urging, urged = steps.urge(after)
        messages, events = [*messages, *urging], [*events, *urged]
    return after, messages, events


def _pushed(incident: Incident, now: int) -> Incident:
    """It is looked at again in a while: what breaks once must not break every moment."""
    later = now + _PUSHED_US
    return replace(
        incident,
        next_step_at=later if (incident.next_step_at or later) <= now else incident.next_step_at,
        next_urge_at=later if (incident.next_urge_at or later) <= now else incident.next_urge_at,
    )


def _supersede(connection: sa.Connection, messages: Sequence[NewMessage], now: int) -> None:
    """Who is asked again does not also need the first asking, if it has not gone out yet."""
    again = [
        {"this_incident": new.incident_id, "this_person": new.person}
        for new in messages
        if new.kind in ("escalated", "repeated")
    ]
    if again:
        connection.execute(
            sa.update(message)
            .where(
                message.c.incident_id == sa.bindparam("this_incident"),
                message.c.person == sa.bindparam("this_person"),
                sa.or_(*(message.c.kind == kind for kind in STEP_KINDS)),
                sa.or_(
                    message.c.state == MessageState.PENDING.value, message.c.state == MessageState.HELD.value
                ),
            )
            .values(state=MessageState.CANCELLED.value, due_at=None, finished_at=now),
            again,
        )


class QuietAnnouncer:
    """Tells nobody, but takes back what an answer made needless. For when there is no roster to go by."""

    def announce(self, connection: sa.Connection, events: Sequence[IncidentEvent], now: int) -> None:
        """Take back waiting steps of answered incidents."""
        for event in events:
            if event.event in _ANSWERS:
                cancel_steps(connection, event.incident.id, now)

    def escalate(self, connection: sa.Connection, now: int) -> None:
        """Leave steps to the service."""

    def enough(self, incident: Incident, answered_by: Sequence[str]) -> bool:  # noqa: ARG002 - the contract's
        """One answer, where nobody knows how many there have to be."""
        return True
