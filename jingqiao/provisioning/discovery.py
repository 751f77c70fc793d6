"""Senders that the registry does not know: who they are, how much they sent, and putting it through later."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from devices.registry import UNKNOWN, Registry
from ingest.dead_letters import StoredLetter, mark_retried
from ingest.log import Record
from ingest.message import DecodedBatch, Message
from ingest.sqlite_log import connect_reading
from jingqiao.database import reading
from jingqiao.dossier.tables import sensor
from jingqiao.provisioning.tables import refused

REASON: Final = "unknown_sensor"
BATCH: Final = 1000
_TOPICS: Final = (
    re.compile(r"^jingqiao/v1/(?P<id>[^/]+)/"),
    re.compile(r"^application/(?P<application>[^/]+)/device/(?P<id>[^/]+)/event/"),
    re.compile(r"^v3/(?P<application>[^/]+)/devices/(?P<id>[^/]+)/"),
    re.compile(r"^\$sys/(?P<application>[^/]+)/(?P<id>[^/]+)/"),
)
_NAMES: Final = re.compile(r"no sensor (?P<names>.+) in the registry$")


@dataclass(frozen=True, slots=True)
class Sender:
    """One unknown sender.

    names : tuple[str, ...]  What it may be called in the registry (EUI, device name); the first is enough.
    topic : str  Newest topic it spoke on.
    messages : int  How many of them lie in the dead letters.
    first, last : int  When the first and the last came [µs since 1970 UTC].
    refused : bool  Somebody said that it is not ours.
    """

    names: tuple[str, ...]
    topic: str
    messages: int
    first: int
    last: int
    refused: bool


def names_of(topic: str, detail: str) -> tuple[str, ...]:
    """What the sender of a dead letter may be called; empty where nothing says it."""
    named = _NAMES.search(detail)
    if named:
        return tuple(named["names"].split(", "))
    found = next((match for pattern in _TOPICS if (match := pattern.match(topic))), None)
    return () if found is None else (found["id"],)


def discovered(path: Path, database: sa.Engine, *, with_refused: bool = False) -> list[Sender]:
    """Unknown senders, those that spoke last first. path : the log's file; none there = none discovered."""
    if not path.exists():
        return []
    with closing(connect_reading(path)) as connection:
        try:
            rows = connection.execute(
                "SELECT topic, detail, count(*), min(received), max(received) FROM dead_letters"
                " WHERE reason = ? AND retried IS NULL GROUP BY topic, detail",
                (REASON,),
            ).fetchall()
        except sqlite3.OperationalError:
            return []  # a log that nobody has written to yet
    with reading(database) as connection_to_city:
        unwanted = set(connection_to_city.scalars(sa.select(refused.c.sensor_id)))
        known = set(
            connection_to_city.scalars(
                sa.select(sensor.c.sensor_id).where(
                    sensor.c.sensor_id.in_({n for row in rows for n in names_of(row[0], row[1])})
                )
            )
        )
    senders: dict[str, Sender] = {}
    for topic, detail, count, first, last in sorted(rows, key=lambda row: row[4]):
        names = names_of(topic, detail)
        if not names or known & set(names):
            continue
        before = senders.get(names[0])
        senders[names[0]] = Sender(
            names,
            topic,
            count + (before.messages if before else 0),
            min(first, before.first) if before else first,
            last,
            bool(unwanted & set(names)),
        )
    found = [sender for sender in senders.values() if with_refused or not sender.refused]
    return sorted(found, key=lambda sender: -sender.last)


def known_by_now(path: Path, registry: Registry) -> dict[str, int]:
    """Senders of waiting letters that the registry knows by now, by the name in the letter → when the newest
    of their letters came [µs]. However they became known: bound, added, or imported."""
    if not path.exists():
        return {}
    with closing(connect_reading(path)) as connection:
        rows = connection.execute(
            "SELECT topic, detail, max(received) FROM dead_letters"
            " WHERE reason = ? AND retried IS NULL GROUP BY topic, detail",
            (REASON,),
        ).fetchall()
    found: dict[str, int] = {}
    for topic, detail, newest in rows:
        for name in names_of(topic, detail):
            if sensor_of(registry, name) != UNKNOWN:
                found[name] = max(newest, found.get(name, 0))
    return found


def sensor_of(registry: Registry, name: str) -> int:
    """Index of a sensor by what a letter calls it: the case of an EUI is the platform's whim."""
    spellings = (name, name.lower(), name.upper())
    return next((i for s in spellings if (i := registry.sensor_index(s)) != UNKNOWN), UNKNOWN)


def waiting_letters(
    path: Path, sensor_ids: Collection[str], after: int = 0, limit: int = BATCH
) -> list[StoredLetter]:
    """Dead letters of sensors that were unknown then, oldest first, with numbers above `after`."""
    if not path.exists():
        return []
    wanted, found = set(sensor_ids), []
    with closing(connect_reading(path)) as connection:
        rows = connection.execute(
            "SELECT id, received, topic, payload, reason, detail, retried FROM dead_letters"
            " WHERE reason = ? AND retried IS NULL AND id > ? ORDER BY id",
            (REASON, after),
        )
        for row in rows:
            letter = StoredLetter(*row)
            if wanted & set(names_of(letter.topic, letter.detail)):
                found.append(letter)
                if len(found) == limit:
                    break
    return found


async def put_through_again(
    path: Path,
    sensor_ids: Collection[str],
    registry: Registry,
    decode: Callable[[Sequence[Message], Registry], DecodedBatch],
    write: Callable[[Sequence[Record]], Awaitable[int | None]],
    now: Callable[[], int],
) -> int:
    """Decode what sensors sent before they were known and append it to the log as late readings.

    Called by the service for each control `retry` ({"sensor_ids": […]}), after the registry knows them.
    write : appends records, None = the log cannot store now. A letter that still cannot be used stays as it
    is. Returns how many messages went through.
    """
    done, after = 0, 0
    while letters := await asyncio.to_thread(waiting_letters, path, sensor_ids, after):
        after = letters[-1].number
        for letter in letters:
            decoded = decode([Message(letter.topic, letter.payload, letter.received)], registry)
            if decoded.dead_letters:
                continue
            records = decoded.records
            # One by one: a stop between append and mark puts one message in twice, and the engine knows
            # repeated readings; the other order could lose one.
            if records and await write(records) is None:
                return done
            await asyncio.to_thread(mark_retried, path, letter.number, now())
            done += 1
    return done
