"""Reading the dead letters of a log: list, show, count, mark as retried, delete by age."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.sqlite_log import connect_reading


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter as it lies in the log.

    number : int  Its number, never used again.
    received : int  [µs since 1970 UTC]
    retried : int | None  When its message was put through again [µs since 1970 UTC]; None: never.
    """

    number: int
    received: int
    topic: str
    payload: bytes
    reason: str
    detail: str
    retried: int | None

    @property
    def text(self) -> str | None:
        """The payload as text, or None where it is no printable UTF-8."""
        try:
            text = self.payload.decode()
        except UnicodeDecodeError:
            return None
        return text if all(c.isprintable() or c in "\r\n\t" for c in text) else None


def newest(
    path: Path, *, reason: str | None = None, topic: str | None = None, since: int = 0, limit: int = 100
) -> list[StoredLetter]:
    """Dead letters, the newest first.

    reason : Only of this reason. topic : Only where the topic has this in it. since : [µs since 1970 UTC].
    Raises FileNotFoundError when there is no log.
    """
    with _reading(path) as connection:
        rows = connection.execute(
            "SELECT id, received, topic, payload, reason, detail, retried FROM dead_letters"
            " WHERE received >= :since AND (:reason IS NULL OR reason = :reason)"
            " AND (:topic IS NULL OR instr(topic, :topic)) ORDER BY id DESC LIMIT :limit",
            {"since": since, "reason": reason, "topic": topic, "limit": limit},
        )
        return [StoredLetter(*row) for row in rows]


def one(path: Path, number: int) -> StoredLetter | None:
    """The dead letter of that number. Raises FileNotFoundError when there is no log."""
    with _reading(path) as connection:
        row = connection.execute(
            "SELECT id, received, topic, payload, reason, detail, retried FROM dead_letters WHERE id = ?",
            (number,),
        ).fetchone()
    return None if row is None else StoredLetter(*row)


def count_by_reason(path: Path, *, since: int = 0) -> dict[str, int]:
    """How many there are of each reason, the most frequent first."""
    sql = "SELECT reason, count(*) FROM dead_letters WHERE received >= ? GROUP BY 1 ORDER BY 2 DESC, 1"
    with _reading(path) as connection:
        return dict(connection.execute(sql, (since,)).fetchall())


def mark_retried(path: Path, number: int, at: int) -> bool:
    """Note that a message was put through again at that time [µs]; False when there is no such letter."""
    with _writing(path) as connection:
        done = connection.execute("UPDATE dead_letters SET retried = ? WHERE id = ?", (at, number))
        return done.rowcount == 1


def delete_before(path: Path, received: int) -> int:
    """Delete those that came before that time [µs since 1970 UTC]; return how many went."""
    with _writing(path) as connection:
        return connection.execute("DELETE FROM dead_letters WHERE received < ?", (received,)).rowcount


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise FileNotFoundError(path)
    with closing(connect_reading(path)) as connection:
        yield connection


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise FileNotFoundError(path)
    with closing(sqlite3.connect(path, timeout=10.0)) as connection, connection:
        connection.execute("PRAGMA synchronous = FULL")
        yield connection
