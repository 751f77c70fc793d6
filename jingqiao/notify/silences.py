"""What mutes a message: silences that people asked for, and outages that explain their sensors' silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from jingqiao.incidents.incident import LIVE, Incident, from_row
from jingqiao.incidents.tables import incident as incident_table
from jingqiao.notify.tables import message, muting, silence
from rules.alarm import Hazard

_RECHECK_US = 15 * 60 * 1_000_000
"""How often an outage is looked at again [µs]."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence; "" = any. from_at, until_at : int  [µs since 1970 UTC]"""

    id: int
    asset_id: str
    district: str
    hazard: str
    from_at: int
    until_at: int
    who: str
    why: str

    def covers(self, incident: Incident) -> bool:
        """Whether it is about this incident."""
        return (
            self.asset_id in ("", incident.asset_id)
            and self.district in ("", incident.district, incident.asset_id[:6])
            and self.hazard in ("", incident.hazard.value)
        )


@dataclass(frozen=True, slots=True)
class Mutes:
    """What mutes at a moment.

    outages : incident id → its sensors.
    """

    silences: Sequence[Silence]
    outages: Mapping[int, frozenset[str]]

    def of(self, incident: Incident, now: int) -> tuple[str, int] | None:
        """(reason, until when [µs]) where something mutes this incident."""
        for item in self.silences:
            if item.covers(incident):
                return f"silence:{item.id}", item.until_at
        if incident.hazard is Hazard.SILENT and incident.sensor_ids:
            own = set(incident.sensor_ids)
            for id_, sensors in self.outages.items():
                if id_ != incident.id and own < sensors:
                    return f"inhibited:{id_}", now + _RECHECK_US
        return None


def mutes_at(connection: sa.Connection, now: int) -> Mutes:
    """What mutes now."""
    outages = connection.execute(
        sa.select(incident_table.c.id, incident_table.c.sensor_ids).where(
            incident_table.c.hazard == Hazard.SILENT.value,
            incident_table.c.asset_id == "",
            incident_table.c.state.in_([state.value for state in LIVE]),
        )
    )
    return Mutes(
        [item for item in silences(connection, now) if item.from_at <= now],
        {id_: frozenset(sensors) for id_, sensors in outages if len(sensors) > 1},
    )


def silences(connection: sa.Connection, now: int | None = None) -> list[Silence]:
    """Silences that have not ended by `now`; all of them where it is None."""
    query = sa.select(silence).order_by(silence.c.id)
    if now is not None:
        query = query.where(silence.c.until_at > now)
    return [Silence(**row) for row in connection.execute(query).mappings()]


def add_silence(
    connection: sa.Connection,
    *,
    from_at: int,
    until_at: int,
    who: str,
    why: str,
    asset_id: str = "",
    district: str = "",
    hazard: str = "",
) -> int:
    """Begin a silence; gives its id. Raises ValueError for one without a scope or an end ahead of it."""
    if not (asset_id or district or hazard):
        raise ValueError("a silence needs an asset, a district or a hazard")
    if until_at <= from_at:
        raise ValueError("a silence has to end after it begins")
    values: dict[str, Any] = {
        "asset_id": asset_id,
        "district": district,
        "hazard": hazard,
        "from_at": from_at,
        "until_at": until_at,
        "who": who,
        "why": why,
    }
    query = sa.insert(silence).values(**values).returning(silence.c.id)
    return int(connection.execute(query).scalar_one())


def end_silence(connection: sa.Connection, silence_id: int, now: int) -> bool:
    """End it now, and let what it held be looked at again; False where it is none or over."""
    ended = connection.execute(
        sa.update(silence).where(silence.c.id == silence_id, silence.c.until_at > now).values(until_at=now)
    )
    connection.execute(
        sa.update(message)
        .where(message.c.held == f"silence:{silence_id}", message.c.state == "held")
        .values(due_at=now)
    )
    return ended.rowcount == 1


def note_muted(connection: sa.Connection, muted: Sequence[tuple[str | None, int | None]], now: int) -> None:
    """Write down what a silence or an outage kept from people, each incident once; other causes pass."""
    rows = {
        (cause, id_): {"cause": cause, "incident_id": id_, "first_at": now}
        for cause, id_ in muted
        if cause is not None and id_ is not None and cause.startswith(("silence:", "inhibited:"))
    }
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        query = dialect.insert(muting).on_conflict_do_nothing(index_elements=["cause", "incident_id"])
        connection.execute(query, list(rows.values()))


def muted_incidents(connection: sa.Connection, cause: str) -> list[tuple[int, Incident]]:
    """(since when [µs], incident) of all that a cause (`silence:ID`, `inhibited:ID`) kept from people."""
    query = (
        sa.select(incident_table, muting.c.first_at)
        .join(muting, muting.c.incident_id == incident_table.c.id)
        .where(muting.c.cause == cause)
        .order_by(muting.c.first_at, incident_table.c.id)
    )
    return [(row["first_at"], from_row(dict(row))) for row in connection.execute(query).mappings()]


def muted_by(connection: sa.Connection, silence_id: int) -> int:
    """How many incidents a silence kept from people."""
    query = sa.select(sa.func.count()).where(muting.c.cause == f"silence:{silence_id}")
    return int(connection.execute(query).scalar_one())
