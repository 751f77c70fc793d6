"""Answers by SMS: kept as they come, matched to the person and the incident, and answered in turn.

An answer that could mean several incidents acknowledges none: the person is told which ones wait, with their
numbers, and the escalation goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from config.messages import Language, text
from config.roster import Roster
from jingqiao.database import reading, writing
from jingqiao.incidents.desk import NotPossibleError, UnknownIncidentError, act
from jingqiao.incidents.incident import LIVE, Action, Incident, from_row
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.channels import phone_of
from jingqiao.notify.outbox import STEP_KINDS, NewMessage, enqueue
from jingqiao.notify.phone_number import plain_phone
from jingqiao.notify.planner import Planner
from jingqiao.notify.sender import Result
from jingqiao.notify.spoken import Answer, understood
from jingqiao.notify.tables import attempt, message, sms_reply
from jingqiao.notify.text import place, severity_name

_SKEW_US: Final = 2_000_000
"""How far a provider's clock may lag behind ours [µs]: an answer is about what was asked before it."""
_IN_VAIN: Final = (
    Result.FAILED_PERMANENT.value,
    Result.FAILED_TEMPORARY.value,
    "never_seen",
    "held",
)
_SHOWN: Final = 8
"""So many waiting incidents are named when somebody is asked which one was meant."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as it came.

    key : str  The same for a second push of the same answer; holds no phone number.
    said_at : int  By the provider [µs since 1970 UTC].
    """

    provider: str
    key: str
    phone: str = field(repr=False)
    words: str
    said_at: int


class Replies:
    """Takes answers in and does what they say. May be called from any thread.

    wake : () → None  Wakes the dispatcher.
    """

    def __init__(
        self,
        database: sa.Engine,
        roster: Callable[[], Roster],
        planner: Planner,
        now: Callable[[], int],
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._roster = roster
        self._planner = planner
        self._now = now
        self._wake = wake

    def take(self, said: Sequence[Said]) -> None:
        """Keep answers, then handle all that wait. An answer that was kept once is not kept again."""
        if not said:
            return
        roster = self._roster()
        owners = _owners(roster)
        rows = [
            {
                "provider": answer.provider,
                "provider_key": f"{answer.provider}:{answer.key}"[:128],
                "people": owners.get(plain_phone(answer.phone), []),
                "said_at": answer.said_at,
                "received_at": self._now(),
                "words": answer.words[:500],
                "outcome": None,
                "incident_ids": [],
            }
            for answer in said
        ]
        with writing(self._database) as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            new = dialect.insert(sms_reply).on_conflict_do_nothing(index_elements=["provider_key"])
            connection.execute(new, rows)
        self.handle()

    def handle(self) -> None:
        """Do what the answers say that nobody has handled yet; one that fails does not hold up the others."""
        with reading(self._database) as connection:
            query = sa.select(sms_reply).where(sms_reply.c.outcome.is_(None)).order_by(sms_reply.c.id)
            waiting = [dict(row) for row in connection.execute(query).mappings()]
        for row in waiting:
            try:
                self._handle(row)
            except sa.exc.OperationalError:
                raise  # the database is away: all of them wait
            except Exception:
                log.exception(
                    "an answer by SMS could not be handled; the escalation goes on", reply=row["id"]
                )
                self._finish(row, "failed", [])

    def _handle(self, row: Mapping[str, Any]) -> None:
        answer = understood(row["words"])
        if not row["people"]:
            log.warning("an answer by SMS came from a phone that is nobody's in the roster", reply=row["id"])
            self._finish(row, "unknown_phone", [])
            return
        if answer is None:
            log.info("an answer by SMS is no acknowledgement", reply=row["id"], people=row["people"])
            self._finish(row, "not_understood", [])
            return
        with reading(self._database) as connection:
            asked = _asked(connection, row["people"], row["said_at"] + _SKEW_US)
        person = next((who for who in row["people"] if any(who in a.people for a in asked)), row["people"][0])
        meant = _meant(answer, asked)
        if meant is None:
            self._finish(row, "ambiguous", [], self._which_one(row, person, asked))
            return
        done = [one.incident for one in meant if self._acknowledge(one.incident.id, person)]
        if not done:
            self._finish(row, "nothing_waits", [])
            return
        numbers = [incident.id for incident in done]
        self._finish(row, "acknowledged", numbers, self._confirmed(row, person, done))

    def _acknowledge(self, incident_id: int, person: str) -> bool:
        try:
            act(
                self._database,
                incident_id,
                Action.ACK,
                who=person,
                now=self._now(),
                why="sms",
                announcer=self._planner,
                on_commit=self._wake,
            )
        except (NotPossibleError, UnknownIncidentError):
            return False
        return True

    def _finish(
        self, row: Mapping[str, Any], outcome: str, incident_ids: Sequence[int], *notes: NewMessage
    ) -> None:
        now = self._now()
        with writing(self._database) as connection:
            connection.execute(
                sa.update(sms_reply)
                .where(sms_reply.c.id == row["id"])
                .values(outcome=outcome, incident_ids=list(incident_ids), handled_at=now)
            )
            enqueue(connection, notes, now)
        if notes:
            self._wake()

    def _confirmed(self, row: Mapping[str, Any], person: str, incidents: Sequence[Incident]) -> NewMessage:
        """Whoever answers by SMS sees no page that says that it worked."""
        language = self._language(person)
        gravest = max(incidents, key=lambda incident: incident.severity)
        where = place(gravest, language)
        line = text("replies.confirmed", language, id=_numbers(incidents), place=where)
        return NewMessage(
            dedup_key=f"reply:{row['id']}:confirmed:{person}",
            incident_id=incidents[0].id if len(incidents) == 1 else None,
            kind="confirmed",
            severity=int(gravest.severity),
            person=person,
            role="informed",
            title=line,
            body=line,
            fields={
                "severity": severity_name(gravest.severity, language),
                "hazard": text(f"notify.hazard.{gravest.hazard}", language),
                "place": where[:20],
                "id": _numbers(incidents),
                "note": text("replies.confirmed_note", language),
            },
        )

    def _which_one(self, row: Mapping[str, Any], person: str, asked: Sequence[_Asked]) -> NewMessage:
        language = self._language(person)
        shown = [one.incident for one in asked[:_SHOWN]]
        head = text("replies.which", language, count=len(asked), example=shown[0].id)
        lines = [f"#{incident.id} {_short(incident, language)}" for incident in shown]
        gravest = max(shown, key=lambda incident: incident.severity)
        return NewMessage(
            dedup_key=f"reply:{row['id']}:which:{person}",
            incident_id=None,
            kind="which_one",
            severity=int(gravest.severity),
            person=person,
            role="informed",
            title=head,
            body="\n".join([head, *lines]),
            fields={
                "severity": severity_name(gravest.severity, language),
                "hazard": text("replies.several", language, count=len(asked)),
                "place": _numbers(shown),
                "id": str(shown[0].id),
                "note": text("replies.which_note", language),
            },
        )

    def _language(self, person: str) -> Language:
        roster = self._roster()
        known = roster.people.get(person)
        return (known.language if known is not None else None) or roster.language


@dataclass(frozen=True, slots=True)
class _Asked:
    """A waiting incident, whom of these people it was asked of, and the summaries that told it."""

    incident: Incident
    people: frozenset[str]
    summaries: frozenset[int]


def _owners(roster: Roster) -> dict[str, list[str]]:
    """Phone → ids of the people whose channels reach it."""
    owners: dict[str, list[str]] = {}
    for id_, person in roster.people.items():
        for phone in dict.fromkeys(phone_of(channel.url) for channel in person.channels):
            if phone:
                owners.setdefault(phone, []).append(id_)
    return owners


def _asked(connection: sa.Connection, people: Sequence[str], until: int) -> list[_Asked]:
    """Incidents that wait for an answer and of which these people were told by then, gravest first."""
    query = (
        sa.select(message.c.incident_id, message.c.person, message.c.told_by)
        .join(incident_table, incident_table.c.id == message.c.incident_id)
        .join(attempt, attempt.c.message_id == sa.func.coalesce(message.c.told_by, message.c.id))
        .where(
            message.c.person.in_(people),
            message.c.kind.in_(STEP_KINDS),
            incident_table.c.unanswered_since.is_not(None),
            incident_table.c.state.in_([state.value for state in LIVE]),
            attempt.c.started_at <= until,
            sa.or_(attempt.c.outcome.is_(None), attempt.c.outcome.not_in(_IN_VAIN)),
        )
    )
    told: dict[int, list[tuple[str, int | None]]] = {}
    for incident_id, person, told_by in connection.execute(query).all():
        told.setdefault(incident_id, []).append((person, told_by))
    rows = connection.execute(
        sa.select(incident_table)
        .where(incident_table.c.id.in_(list(told)))
        .order_by(incident_table.c.severity.desc(), incident_table.c.id)
    )
    return [
        _Asked(
            incident,
            frozenset(person for person, _ in told[incident.id]),
            frozenset(summary for _, summary in told[incident.id] if summary is not None),
        )
        for incident in (from_row(dict(row)) for row in rows.mappings())
    ]


def _meant(answer: Answer, asked: Sequence[_Asked]) -> Sequence[_Asked] | None:
    """The incidents that an answer is about; None where it could be several."""
    if answer.incident_ids:
        return [one for one in asked if one.incident.id in answer.incident_ids]
    if answer.everything or len(asked) <= 1:
        return asked
    one_summary = frozenset.intersection(*(one.summaries for one in asked))
    return asked if one_summary else None


def _numbers(incidents: Sequence[Incident]) -> str:
    """`57`, or `57 58 59`; of many only the first."""
    named = " ".join(str(incident.id) for incident in incidents[:_SHOWN])
    return named if len(incidents) <= _SHOWN else f"{named} …"


def _short(incident: Incident, language: Language) -> str:
    return f"{text(f'notify.hazard.{incident.hazard}', language)} {place(incident, language)}"[:40]
