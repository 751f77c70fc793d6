"""Turns what happened to incidents, and the time that passes, into messages: who hears what, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
import structlog

from config.messages import Language, text
from config.roster import Roster, Who
from jingqiao.incidents.event import Event, IncidentEvent
from jingqiao.incidents.incident import LIVE, SELF_HEALING, SYSTEM, Incident, State, from_row
from jingqiao.incidents.store import find, insert_transitions, update_incidents
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.calm import area_of, release, sift
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
from jingqiao.notify.tables import message
from jingqiao.notify.text import compose, severity_name
from jingqiao.roster.duty import Duty, people_for, who_is_on
from jingqiao.roster.escalation import DueStep, step_at, steps_due

_MINUTE_US: Final = 60 * 1_000_000
_PUSHED_US: Final = _MINUTE_US
"""How far a step is pushed that could not be planned: it cannot crash-loop, and it is tried again [µs]."""
_FLUTTER_US: Final = 30 * _MINUTE_US
"""An alarm that comes and goes is told of once in so long [µs]."""
_LAST_RESORT_US: Final = 5 * _MINUTE_US
"""How often everybody is tried again while nobody can be told [µs]."""
_BATCH: Final = 400
_ANSWERS: Final = frozenset(
    {Event.ACKNOWLEDGED, Event.ASSIGNED, Event.ON_SITE, Event.RESOLVED, Event.CLOSED, Event.FALSE_ALARM}
)

_PROMISED: Final = frozenset({State.ACKNOWLEDGED, State.DISPATCHED})
"""States in which somebody said that they have it, and nobody is on site yet."""

log = structlog.get_logger()


class Planner:
    """Writes messages into the outbox, inside the transaction that is handed in.

    roster : () → Roster  The roster of the moment.
    link : (incident id, person id, episode) → str | None  One-touch link to answer; None = none to offer.
    """

    def __init__(
        self,
        roster: Callable[[], Roster],
        link: Callable[[int, str, int], str | None] | None = None,
    ) -> None:
        self._roster = roster
        self._link = link

    def announce(self, connection: sa.Connection, events: Sequence[IncidentEvent], now: int) -> None:
        """Tell people what happened, beyond the steps that ask them to answer."""
        roster = self._roster()
        answered = [e.incident.id for e in events if e.event in _ANSWERS]
        for incident_id in answered:
            cancel_steps(connection, incident_id, now)
        self._expect_progress(connection, roster, events, now)
        ids = list(
            dict.fromkeys(e.incident.id for e in events if e.event not in (Event.OPENED, Event.COMMENT))
        )
        audience: dict[int, list[str]] = {}
        for start in range(0, len(ids), _BATCH):
            audience |= told(connection, ids[start : start + _BATCH])
        messages: list[NewMessage] = []
        for event in events:
            try:
                messages += self._about(roster, event, audience.get(event.incident.id, []), now)
            except Exception:
                log.exception("a message could not be composed", incident=event.incident.id)
        self._put(connection, roster, messages, [e.incident for e in events], now)

    def escalate(self, connection: sa.Connection, now: int) -> None:
        """Take every step that is due by now. Several overdue ones become one message a person."""
        roster = self._roster()
        duties: dict[tuple[str, str, str], Duty] = {}
        while True:
            query = (
                sa.select(incident_table)
                .where(incident_table.c.next_step_at <= now)
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
                    after, new, happened = self._advance(roster, incident, duties, now)
                except Exception:
                    log.exception("an escalation could not be planned", incident=incident.id)
                    after = replace(incident, next_step_at=now + _PUSHED_US)
                    new, happened = [_crude_message(roster, incident)], []
                changed.append(after)
                messages += new
                events += happened
            update_incidents(connection, changed)
            insert_transitions(connection, events, now, [e.incident.state for e in events])
            _supersede(connection, messages, now)
            self._put(connection, roster, messages, changed, now)

    def release(self, connection: sa.Connection, now: int) -> None:
        """Let go of what was held back and may be told now; all of it, should the rules of calm break."""
        try:
            with connection.begin_nested():
                release(connection, self._roster(), now)
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
                sift(connection, roster, messages, {incident.id: incident for incident in incidents}, now)
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
        if incident is None or not _waits(incident) or connection.execute(reached).scalar_one():
            return
        if step_key != f"{incident.id}:{incident.episode}:{incident.step - 1}":
            return  # time has taken a further step already
        roster = self._roster()
        policy = roster.policy(incident.severity.colour)
        if incident.step < len(policy.steps):
            step = DueStep(incident.step, now, policy.steps[incident.step].who)
            after, messages, events = self._take(roster, incident, [step], {}, now)
        elif not incident.unreachable:
            step = DueStep(incident.step, now, ("fallback",))
            after, messages, events = self._take(roster, incident, [step], {}, now)
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
        for event in events:
            incident = event.incident
            limit_min = roster.policy(incident.severity.colour).progress_min
            if (
                event.event in (Event.ACKNOWLEDGED, Event.ASSIGNED)
                and incident.state in _PROMISED
                and limit_min
            ):
                due_at = now + round(limit_min * _MINUTE_US)
                update_incidents(connection, [replace(incident, next_step_at=due_at)])

    def _advance(
        self, roster: Roster, incident: Incident, duties: dict[tuple[str, str, str], Duty], now: int
    ) -> tuple[Incident, list[NewMessage], list[IncidentEvent]]:
        if _promised(incident):
            incident = replace(
                incident,
                unanswered_since=now,
                answered_severity=None,
                episode=incident.episode + 1,
                step=0,
            )
        if not _waits(incident):
            return replace(incident, next_step_at=None), [], []
        assert incident.unanswered_since is not None
        policy = roster.policy(incident.severity.colour)
        due = list(steps_due(policy, incident.unanswered_since, incident.step, now))
        if not due and incident.unreachable:
            due = [DueStep(incident.step, now, ("duty", "deputy", "leader", "fallback"))]
        if not due:
            following = step_at(policy, incident.unanswered_since, incident.step)
            return replace(incident, next_step_at=following.at if following else None), [], []
        return self._take(roster, incident, due, duties, now)

    def _take(
        self,
        roster: Roster,
        incident: Incident,
        due: Sequence[DueStep],
        duties: dict[tuple[str, str, str], Duty],
        now: int,
    ) -> tuple[Incident, list[NewMessage], list[IncidentEvent]]:
        assert incident.unanswered_since is not None
        policy = roster.policy(incident.severity.colour)
        key = (incident.district, incident.kind, incident.asset_id[:6])
        if key not in duties:
            duties[key] = who_is_on(roster, now, incident.district, incident.kind, incident.asset_id)
        duty = duties[key]
        last = due[-1].index
        following = step_at(policy, incident.unanswered_since, last + 1)
        after = replace(incident, step=last + 1, next_step_at=following.at if following else None)
        events = []
        if last > 0 or _stalled(incident):
            words = ", ".join(dict.fromkeys(word for step in due for word in step.who))
            events.append(
                IncidentEvent(Event.ESCALATED, after, after.severity, SYSTEM, f"step {last + 1}: {words}")
            )
        if not duty.people:
            log.error(
                "nobody is on duty; the fallback is told", incident=incident.id, teams=",".join(duty.teams)
            )
            after = replace(after, unreachable=True)
            events.append(
                IncidentEvent(Event.UNREACHABLE, after, after.severity, SYSTEM, "nobody is on duty")
            )
        messages: dict[str, NewMessage] = {}
        for step in due:
            for word in step.who:
                promised = [p for p in roster.people if step.index == 0 and _is_promiser(roster, p, incident)]
                for person in (*people_for(duty, (word,)), *promised):
                    if person not in messages:
                        messages[person] = self._step_message(roster, after, step, person, word, duty, now)
        return after, list(messages.values()), events

    def _step_message(
        self, roster: Roster, incident: Incident, step: DueStep, person: str, word: Who, duty: Duty, now: int
    ) -> NewMessage:
        assert incident.unanswered_since is not None
        policy = roster.policy(incident.severity.colour)
        kind = "step" if step.index == 0 else "escalated" if step.index < len(policy.steps) else "repeated"
        if _stalled(incident):
            kind = "stalled"
        elif incident.answered_severity is not None:
            kind = "raised"
        language = roster.people[person].language or roster.language
        written = compose(
            incident,
            kind,
            language,
            roster.zone,
            link=self._link(incident.id, person, incident.episode) if self._link else None,
            fallback=not duty.people,
            minutes=round((now - incident.unanswered_since) / _MINUTE_US),
            who=_name(roster, incident.assignee or incident.acknowledged_by or ""),
            before=severity_name(incident.answered_severity or incident.severity, language),
            after=severity_name(incident.severity, language),
        )
        return NewMessage(
            dedup_key=f"{incident.id}:{incident.episode}:{step.index}:{person}",
            incident_id=incident.id,
            kind="step" if kind == "raised" else kind,  # asks for an answer as a first step does
            area=area_of(incident),
            severity=int(incident.severity),
            person=person,
            role=word if duty.people or word != "duty" else "fallback",
            title=written.title,
            body=written.body,
            fields=written.fields,
        )

    def _about(
        self, roster: Roster, event: IncidentEvent, audience: Sequence[str], now: int
    ) -> list[NewMessage]:
        incident = event.incident
        match event.event:
            case Event.RAISED if incident.step > 0 and incident.unanswered_since is not None:
                kind, people = "raised", list(audience)
            case Event.REFIRED:
                kind, people = "refired", list(audience)
            case Event.CLEARED:
                kind = "healed" if incident.hazard in SELF_HEALING else "cleared"
                people = list(audience)
            case Event.ACKNOWLEDGED:
                kind, people = "acknowledged", [p for p in audience if not _is(roster, p, event.who)]
            case Event.ASSIGNED:
                kind, people = "assigned", [p for p in roster.people if _is(roster, p, incident.assignee)]
            case Event.RESOLVED | Event.CLOSED | Event.FALSE_ALARM if event.who != SYSTEM:
                kind, people = "finished", [p for p in audience if not _is(roster, p, event.who)]
            case _:
                return []
        messages = []
        for person in people:
            if person not in roster.people:
                continue
            language = roster.people[person].language or roster.language
            written = compose(
                incident,
                kind,
                language,
                roster.zone,
                before=severity_name(event.before, language),
                after=severity_name(incident.severity, language),
                who=_name(roster, event.who),
                assignee=_name(roster, incident.assignee or ""),
                state=_state_name(incident, language),
            )
            messages.append(
                NewMessage(
                    dedup_key=_information_key(incident, kind, person, now),
                    incident_id=incident.id,
                    kind=kind,
                    severity=int(incident.severity),
                    person=person,
                    role="informed",
                    title=written.title,
                    body=written.body,
                    fields=written.fields,
                )
            )
        return messages


def _information_key(incident: Incident, kind: str, person: str, now: int) -> str:
    """What makes two informing messages the same: an alarm that comes and goes tells its story seldom."""
    span = _FLUTTER_US if kind in ("cleared", "healed", "refired") else 1
    when = "" if kind == "raised" else f":{now // span}"
    return f"{incident.id}:{incident.episode}:{kind}:{int(incident.severity)}{when}:{person}"


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


def _crude_message(roster: Roster, incident: Incident) -> NewMessage:
    """What is said when nothing better can be composed: better a clumsy warning than none."""
    line = f"[{incident.severity.colour}] {incident.hazard} {incident.subject} {incident.road}".strip()
    return NewMessage(
        dedup_key=f"{incident.id}:{incident.episode}:crude:{roster.fallback}",
        incident_id=incident.id,
        kind="step",
        severity=int(incident.severity),
        person=roster.fallback,
        role="fallback",
        title=line,
        body=f"{line}\njingqiao incidents show {incident.id}",
        fields={"id": str(incident.id), "hazard": incident.hazard.value, "place": incident.road},
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


def _promised(incident: Incident) -> bool:
    """Whether somebody answered and nobody came."""
    return incident.state in _PROMISED and incident.unanswered_since is None


def _stalled(incident: Incident) -> bool:
    """Whether people are asked anew because nobody came, not because it grew worse."""
    return incident.state in _PROMISED and incident.answered_severity is None


def _is_promiser(roster: Roster, person: str, incident: Incident) -> bool:
    return incident.state in _PROMISED and (
        _is(roster, person, incident.acknowledged_by) or _is(roster, person, incident.assignee)
    )


def _waits(incident: Incident) -> bool:
    """The first step is always taken, though the alarm cleared meanwhile; then a clear alarm wakes nobody."""
    wanted = incident.alarm_firing or incident.step == 0
    return incident.state in LIVE and wanted and incident.unanswered_since is not None


def _is(roster: Roster, person: str, who: str | None) -> bool:
    return who is not None and who in (person, roster.people[person].name if person in roster.people else "")


def _name(roster: Roster, who: str) -> str:
    return roster.people[who].name if who in roster.people else who


def _state_name(incident: Incident, language: Language) -> str:
    return text(f"notify.state.{incident.state}", language)
