"""What a step of the escalation does: whom it asks, in which words, and when the next one is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from config.limits import Who
from config.roster import Roster
from jingqiao.incidents.event import Event, IncidentEvent
from jingqiao.incidents.incident import SYSTEM, Incident
from jingqiao.notify.calm import area_of
from jingqiao.notify.outbox import NewMessage
from jingqiao.notify.standing import has_answered, is_promiser, name_of, promised, stalled, waits
from jingqiao.notify.summaries import Link
from jingqiao.notify.text import compose, severity_name
from jingqiao.notify.urging import urge
from jingqiao.roster.duty import Duty, people_for, who_is_on
from jingqiao.roster.escalation import DueStep, step_at, steps_due

MINUTE_US: Final = 60 * 1_000_000

Taken = tuple[Incident, list[NewMessage], list[IncidentEvent]]
"""The incident after a step, the messages of the step, and what is to be written down of it."""

log = structlog.get_logger()


class Steps:
    """Takes steps of one moment.

    roster : Roster  The roster of the moment. now : int  [µs since 1970 UTC]
    """

    def __init__(self, roster: Roster, link: Link | None, now: int) -> None:
        self._roster = roster
        self._link = link
        self._now = now
        self._duties: dict[tuple[str, str, str], Duty] = {}

    def advance(self, incident: Incident) -> Taken:
        """Take every step that is due, or tell when the next one is."""
        roster, now = self._roster, self._now
        if promised(incident):
            incident = replace(
                incident,
                unanswered_since=now,
                answered_severity=None,
                episode=incident.episode + 1,
                step=0,
                answered_by=(),
            )
        if not waits(incident):
            return replace(incident, next_step_at=None), [], []
        assert incident.unanswered_since is not None
        policy = roster.policy(incident.severity.colour)
        due = list(steps_due(policy, incident.unanswered_since, incident.step, now))
        if not due and incident.unreachable:
            due = [DueStep(incident.step, now, ("duty", "deputy", "leader", "fallback"))]
        if not due:
            following = step_at(policy, incident.unanswered_since, incident.step)
            return replace(incident, next_step_at=following.at if following else None), [], []
        return self.take(incident, due)

    def duty(self, incident: Incident) -> Duty:
        """Who answers for it at this moment."""
        key = (incident.district, incident.kind, incident.place_id[:6])
        if key not in self._duties:
            self._duties[key] = who_is_on(self._roster, self._now, *key[:2], incident.place_id)
        return self._duties[key]

    def urge(self, incident: Incident) -> Taken:
        """Look at its deadlines, and tell of those that passed."""
        return urge(self._roster, incident, self.duty(incident), self._now)

    def take(self, incident: Incident, due: Sequence[DueStep]) -> Taken:
        """Take these steps; several become one message a person."""
        roster = self._roster
        assert incident.unanswered_since is not None
        policy = roster.policy(incident.severity.colour)
        duty = self.duty(incident)
        last = due[-1].index
        following = step_at(policy, incident.unanswered_since, last + 1)
        after = replace(incident, step=last + 1, next_step_at=following.at if following else None)
        events = []
        if last > 0 or stalled(incident):
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
                promisers = [p for p in roster.people if step.index == 0 and is_promiser(roster, p, incident)]
                for person in (*people_for(duty, (word,)), *promisers):
                    if person not in messages and not has_answered(roster, person, incident):
                        messages[person] = self._message(after, step, person, word, duty)
        return after, list(messages.values()), events

    def _message(self, incident: Incident, step: DueStep, person: str, word: Who, duty: Duty) -> NewMessage:
        roster, now = self._roster, self._now
        assert incident.unanswered_since is not None
        policy = roster.policy(incident.severity.colour)
        kind = "step" if step.index == 0 else "escalated" if step.index < len(policy.steps) else "repeated"
        if stalled(incident):
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
            minutes=round((now - incident.unanswered_since) / MINUTE_US),
            who=name_of(roster, incident.assignee or incident.acknowledged_by or ""),
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
            role=word.partition(":")[0] if duty.people or word != "duty" else "fallback",
            title=written.title,
            body=written.body,
            fields=written.fields,
            exercise=incident.exercise,
        )


def crude_message(roster: Roster, incident: Incident) -> NewMessage:
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
