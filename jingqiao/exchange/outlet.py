"""Turns what happened to incidents into events, CAP messages and deliveries, each exactly once.

It follows the rows of `incident_transition`, whoever wrote them: the engine, a link, the console, a command.
So it may be down for a while, and loses nothing of what happened since it was switched on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
import structlog

from config.exchange import CapSettings, WebhookSettings
from config.roster import Roster
from config.settings import Settings
from jingqiao.database import writing
from jingqiao.exchange.cap import DANGERS, CapMessage, Kind, issued
from jingqiao.exchange.case import NO_FACTS, case_record, facts_of
from jingqiao.exchange.shape import Point
from jingqiao.exchange.tables import cap_message, outlet_event, outlet_start, webhook_delivery
from jingqiao.incidents.deadlines import Deadlines, deadlines_by
from jingqiao.incidents.event import Event
from jingqiao.incidents.incident import LIVE, Incident
from jingqiao.incidents.store import find, members_of, transitions_of
from jingqiao.incidents.tables import incident_transition
from jingqiao.incidents.view import as_json, rfc3339

BATCH: Final = 200
"""Transitions in one transaction: others write as well."""
_LOOK_BACK: Final = 5000
"""How many rows before the newest one are looked through again: with PostgreSQL a transaction that began
earlier may commit later, under a smaller number."""
_MATTERS: Final = (Event.RAISED, Event.LOWERED, Event.REFIRED, Event.REOPENED)
_MOVES: Final = (Event.MERGED, Event.SPLIT)
"""An area grew or shrank: its warning is about other ground."""
_ENDS: Final = (Event.RESOLVED, Event.CLOSED, Event.FALSE_ALARM, Event.DRILL_ENDED)
_REFERENCES: Final = 50
"""So many earlier messages a CAP message names."""

log = structlog.get_logger()


class Outlet:
    """Writes down what other systems shall hear of.

    zone : of the office, for times that people read.
    """

    def __init__(
        self,
        database: sa.Engine,
        settings: Settings,
        now: Callable[[], int],
        roster: Callable[[], Roster | None],
    ) -> None:
        self._database = database
        self._roster = roster
        self._cap = settings.cap
        self._hooks: Sequence[WebhookSettings] = settings.webhooks
        self._language = settings.language
        self._zone = settings.zone
        self._now = now

    @property
    def wanted(self) -> bool:
        """Whether any system wants to hear anything."""
        return self._cap is not None or bool(self._hooks)

    def start(self) -> None:
        """Begin with what happens from now on, if this is the first time."""
        with writing(self._database) as connection:
            if connection.execute(sa.select(outlet_start.c.transition_id)).scalar() is None:
                newest = connection.execute(sa.select(sa.func.max(incident_transition.c.id))).scalar()
                connection.execute(sa.insert(outlet_start).values(id=1, transition_id=newest or 0))

    def take_in(self) -> int:
        """Write down what happened since the last call, at most `BATCH` rows; how many these were."""
        deadlines = deadlines_by(self._roster())
        with writing(self._database) as connection:
            rows = self._new_rows(connection)
            for row in rows:
                try:
                    with connection.begin_nested():
                        self._take(connection, row, deadlines)
                except sa.exc.OperationalError:
                    raise
                except Exception:  # it is skipped for ever: what it says must not hold up the others
                    log.exception("an event could not be written out", transition=row["id"])
                    self._skip(connection, row)
            return len(rows)

    def _new_rows(self, connection: sa.Connection) -> list[Mapping[str, Any]]:
        start = connection.execute(sa.select(outlet_start.c.transition_id)).scalar()
        if start is None:
            return []
        newest = connection.execute(sa.select(sa.func.max(outlet_event.c.transition_id))).scalar() or 0
        look_back = _LOOK_BACK if connection.dialect.name == "postgresql" else 0
        query = (
            sa.select(incident_transition)
            .join(outlet_event, outlet_event.c.transition_id == incident_transition.c.id, isouter=True)
            .where(
                incident_transition.c.id > max(start, newest - look_back),
                outlet_event.c.transition_id.is_(None),
            )
            .order_by(incident_transition.c.id)
            .limit(BATCH)
        )
        return [dict(row) for row in connection.execute(query).mappings()]

    def _take(self, connection: sa.Connection, row: Mapping[str, Any], deadlines: Deadlines) -> None:
        incident = find(connection, row["incident_id"])
        assert incident is not None
        history = transitions_of(connection, incident.id)
        now = self._now()
        limits = deadlines(incident)
        document = {
            "transition": {
                "event": row["event"],
                "from_state": row["from_state"],
                "to_state": row["to_state"],
                "who": row["who"],
                "why": row["why"],
                "at": rfc3339(row["at"]),
            },
            "incident": as_json(incident, self._language, limits, now),
            "case": case_record(
                incident,
                history,
                language=self._language,
                zone=self._zone,
                facts=facts_of(connection, [incident.asset_id]).get(incident.asset_id, NO_FACTS),
                deadlines=limits,
                now=now,
            ),
        }
        event_id = self._write_event(connection, row, document)
        for hook in self._hooks:
            if _wants(hook, row["event"], incident):
                connection.execute(
                    sa.insert(webhook_delivery).values(
                        hook=hook.name,
                        event_id=event_id,
                        state="pending",
                        tries=0,
                        due_at=self._now(),
                        last_answer="",
                    )
                )
        if self._cap is not None:
            self._warn(connection, self._cap, incident, row)

    def _skip(self, connection: sa.Connection, row: Mapping[str, Any]) -> None:
        self._write_event(connection, row, {"transition": {"event": row["event"], "at": rfc3339(row["at"])}})

    @staticmethod
    def _write_event(connection: sa.Connection, row: Mapping[str, Any], document: Mapping[str, Any]) -> int:
        query = sa.insert(outlet_event).values(
            transition_id=row["id"],
            incident_id=row["incident_id"],
            event=row["event"],
            at=row["at"],
            document=document,
        )
        return int(connection.execute(query.returning(outlet_event.c.id)).scalar_one())

    def _warn(
        self, connection: sa.Connection, cap: CapSettings, incident: Incident, row: Mapping[str, Any]
    ) -> None:
        """Issue the CAP message that this change calls for, if it calls for one."""
        earlier = _warning_so_far(connection, incident.id)
        kind = _kind(cap, incident, Event(row["event"]), bool(earlier))
        if kind is None:
            return
        now = self._now()
        message = issued(
            incident,
            kind,
            row["id"],
            settings=cap,
            zone=self._zone,
            now=now,
            earlier=earlier[-_REFERENCES:],
            points=points_of(connection, incident),
        )
        connection.execute(
            sa.insert(cap_message).values(
                identifier=message.identifier,
                incident_id=incident.id,
                kind=kind,
                sent_at=now,
                document=message.as_document(),
            )
        )


def points_of(connection: sa.Connection, incident: Incident) -> list[Point]:
    """Where an incident is, as far as it is known; of an area, where its members are."""
    places = members_of(connection, incident.id) if incident.is_area else [incident]
    return [(one.lon, one.lat) for one in places if one.lon is not None and one.lat is not None]


def _wants(hook: WebhookSettings, event: str, incident: Incident) -> bool:
    right_event = not hook.events or event in hook.events
    return right_event and (not hook.severities or incident.severity.colour in hook.severities)


def _kind(cap: CapSettings, incident: Incident, event: Event, warned: bool) -> Kind | None:
    """Alert at first, Update when it grows better or worse, Cancel when it is over."""
    if event in _ENDS:
        return "Cancel" if warned else None
    if warned:
        return "Update" if event in _MATTERS or (incident.is_area and event in _MOVES) else None
    hazards = cap.hazards or tuple(hazard.value for hazard in DANGERS)
    told = incident.hazard.value in hazards and incident.severity.colour in cap.severities
    begins = event in (Event.OPENED, *_MATTERS)
    return "Alert" if told and begins and (incident.state in LIVE or event is Event.OPENED) else None


def _warning_so_far(connection: sa.Connection, incident_id: int) -> list[CapMessage]:
    """The CAP messages of a warning that is not over, oldest first."""
    query = (
        sa.select(cap_message.c.document)
        .where(cap_message.c.incident_id == incident_id)
        .order_by(cap_message.c.id)
    )
    messages = [CapMessage.of_document(document) for document in connection.execute(query).scalars()]
    over = [place for place, message in enumerate(messages) if message.kind == "Cancel"]
    return messages[over[-1] + 1 :] if over else messages
