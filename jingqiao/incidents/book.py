"""The book of incidents: takes the engine's changes in, in one SQL transaction with all that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
import structlog

from jingqiao.database import reading, writing
from jingqiao.incidents import areas
from jingqiao.incidents.alarms import begins_anew, clear, fire, number, plain, said
from jingqiao.incidents.areas import AreaRule
from jingqiao.incidents.event import Announcer, Event, IncidentEvent
from jingqiao.incidents.facts import Facts
from jingqiao.incidents.incident import (
    SYSTEM,
    Incident,
    State,
)
from jingqiao.incidents.muted import note_muted
from jingqiao.incidents.store import insert_incidents, insert_transitions, latest_of, update_incidents
from jingqiao.incidents.tables import alarm_change, engine_checkpoint
from rules.alarm import AlarmChange, AlarmState, MutedAlarm

_KEY = tuple[str, str]
_log = structlog.get_logger()
_BATCH: Final = 400
"""Keys in one query: SQLite takes a limited number of bound values."""


class IncidentBook:
    """Writes incidents from alarm changes.

    facts : (asset_id, sensor_id) → Facts  Of the present registry.
    announcer : Announcer | None  Writes messages in the same transaction; None = nobody is told (backtests).
    on_commit : Called after each commit that may have put messages into the outbox (wakes the dispatcher).
    engine : str  Name of the engine whose checkpoint this is.
    area_rule : () → AreaRule | None  When incidents are one area; None = never.
    """

    def __init__(
        self,
        database: sa.Engine,
        facts: Callable[[str, str], Facts],
        announcer: Announcer | None = None,
        on_commit: Callable[[], None] | None = None,
        engine: str = "main",
        area_rule: Callable[[], AreaRule | None] | None = None,
    ) -> None:
        self._database = database
        self._facts = facts
        self._announcer = announcer
        self._on_commit = on_commit
        self._engine = engine
        self._area_rule = area_rule

    def committed_seq(self) -> int:
        """Sequence number up to which the log was taken in; 0 in a new database."""
        with reading(self._database) as connection:
            return self._checkpoint(connection) or 0

    def commit(
        self,
        seq: int,
        changes: Sequence[AlarmChange],
        now: int,
        change_seqs: Sequence[int] | None = None,
        muted: Sequence[tuple[int, MutedAlarm]] = (),
    ) -> None:
        """Take in what the log said up to `seq`: checkpoint, changes, incidents, messages, all or nothing.

        seq : int  Newest record behind these changes. At or below the committed one: nothing is done.
        now : int  The service's time [µs since 1970 UTC].
        change_seqs : int[n] | None  Record behind each change. With it a batch may reach over the committed
            seq (a replay that cuts its batches elsewhere): changes at or below it are suppressed. Without
            it all changes belong after the committed seq.
        muted : (record, what announced work kept from being told), suppressed likewise: put on record, and
            never more than that.
        """
        seqs = [seq] * len(changes) if change_seqs is None else list(change_seqs)
        with writing(self._database) as connection:
            committed = self._checkpoint(connection, lock=True)
            if committed is not None and seq <= committed:
                return
            self._write_checkpoint(connection, committed, seq, now)
            fresh = [
                (s, change)
                for s, change in zip(seqs, changes, strict=True)
                if committed is None or s > committed
            ]
            note_muted(connection, [item for item in muted if committed is None or item[0] > committed], now)
            if not fresh:
                return
            connection.execute(sa.insert(alarm_change), [_change_row(s, change, now) for s, change in fresh])
            paging = [c for _, c in fresh if not c.historical and c.state is not AlarmState.PENDING]
            events = self._take(connection, paging, now)
            if events and self._announcer is not None:
                self._announcer.announce(connection, events, now)
                self._announcer.escalate(connection, now)
        if events and self._on_commit is not None:
            self._on_commit()

    def _checkpoint(self, connection: sa.Connection, *, lock: bool = False) -> int | None:
        query = sa.select(engine_checkpoint.c.seq).where(engine_checkpoint.c.name == self._engine)
        return connection.execute(query.with_for_update() if lock else query).scalar()

    def _write_checkpoint(self, connection: sa.Connection, committed: int | None, seq: int, now: int) -> None:
        if committed is None:
            connection.execute(
                sa.insert(engine_checkpoint).values(name=self._engine, seq=seq, committed_at=now)
            )
        else:
            connection.execute(
                sa.update(engine_checkpoint)
                .where(engine_checkpoint.c.name == self._engine)
                .values(seq=seq, committed_at=now)
            )

    def _take(
        self, connection: sa.Connection, changes: Sequence[AlarmChange], now: int
    ) -> list[IncidentEvent]:
        """Run the changes over the incidents and store what came of it."""
        keys = list(dict.fromkeys((subject_of(c), c.hazard.value) for c in changes))
        known: dict[_KEY, Incident] = {}
        for start in range(0, len(keys), _BATCH):
            for found in latest_of(connection, keys[start : start + _BATCH]):
                known[found.subject, found.hazard.value] = found
        stored = {incident.id: incident for incident in known.values()}
        touched: dict[int, Incident] = {}
        events: list[IncidentEvent] = []
        new_id = 0
        for change in changes:
            key = (subject_of(change), change.hazard.value)
            incident = known.get(key)
            if change.state is AlarmState.CLEAR:
                happened = clear(incident, change, now)
            elif incident is None or begins_anew(incident, now):
                new_id -= 1
                happened = [self._open(new_id, key[0], incident, change, now)]
            else:
                happened = fire(incident, change, now)
            for event in happened:
                known[key] = touched[event.incident.id] = event.incident
            events.extend(happened)
        ids = insert_incidents(connection, [i for i in touched.values() if i.id < 0])
        update_incidents(connection, [i for i in touched.values() if i.id > 0 and i != stored[i.id]])
        events = [
            replace(e, incident=replace(e.incident, id=ids.get(e.incident.id, e.incident.id))) for e in events
        ]
        insert_transitions(connection, events, now, _states_before(stored, events))
        told = [e for e in events if e.event is not Event.COMMENT]
        return told + self._areas(connection, told, now)

    def _areas(
        self, connection: sa.Connection, events: Sequence[IncidentEvent], now: int
    ) -> list[IncidentEvent]:
        """What follows for areas; should that break, every incident stands alone and is told alone."""
        if self._area_rule is None or not events:
            return []
        try:
            with connection.begin_nested():
                latest = list({e.incident.id: e for e in events}.values())
                followed = areas.follow(connection, latest, now)
                rule = self._area_rule()
                return followed + (areas.gather(connection, events, rule, now) if rule else [])
        except Exception:
            _log.exception("areas could not be kept; each incident stands alone")
            return []

    def _open(
        self, new_id: int, subject: str, previous: Incident | None, change: AlarmChange, now: int
    ) -> IncidentEvent:
        facts = self._facts(change.asset_id, subject.partition("sensor:")[2])
        incident = Incident(
            id=new_id,
            subject=subject,
            asset_id=change.asset_id,
            hazard=change.hazard,
            severity=change.severity,
            state=State.OPEN,
            opened_at=now,
            event_at=change.event_at,
            changed_at=now,
            value=number(change.value),
            limit=number(change.limit),
            unit=change.unit,
            reason_key=change.reason.key,
            reason_values=plain(change.reason.values),
            sensor_ids=tuple(change.sensor_ids),
            provisional=change.provisional,
            evidence=plain(change.evidence),
            alarm_firing=True,
            cleared_at=None,
            kind=facts.kind,
            name=facts.name,
            district=facts.district,
            road=facts.road,
            lon=facts.lon,
            lat=facts.lat,
            unanswered_since=now,
            next_step_at=now,
            limits_from=now,
            next_urge_at=now,
            previous_id=previous.id if previous is not None and previous.id > 0 else None,
        )
        return IncidentEvent(Event.OPENED, incident, change.severity, SYSTEM)


def subject_of(change: AlarmChange) -> str:
    """What a change is about: its asset, else its gateway, else its sensor."""
    if change.asset_id:
        return change.asset_id
    gateway = change.evidence.get("gateway")
    if gateway:
        return f"gateway:{gateway}"
    return f"sensor:{change.sensor_ids[0]}" if change.sensor_ids else "unknown"


def _states_before(stored: Mapping[int, Incident], events: Sequence[IncidentEvent]) -> list[State | None]:
    """State of each event's incident just before it."""
    last: dict[int, State | None] = {id_: incident.state for id_, incident in stored.items()}
    before = []
    for event in events:
        before.append(last.get(event.incident.id))
        last[event.incident.id] = event.incident.state
    return before


def _change_row(seq: int, change: AlarmChange, now: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "recorded_at": now,
        "subject": subject_of(change),
        "asset_id": change.asset_id,
        "sensor_ids": list(change.sensor_ids),
        **said(change),
    }
