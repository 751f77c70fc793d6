"""The log in one SQLite file: write-ahead logging, full synchronisation, one writer, shared commits."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from ingest.log import DeadLetter, LogUnavailableError, Record
from ingest.record_codec import decode_record, encode_record

_log = structlog.get_logger()

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- AUTOINCREMENT: a truncated number is never given again
    kind INTEGER NOT NULL,
    time INTEGER NOT NULL, -- of the record itself; the log has no clock
    body BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    retried INTEGER
);
CREATE INDEX IF NOT EXISTS dead_letters_received ON dead_letters (received);
"""

_CHECKPOINT_PAGES: Final = 4096
"""Copy the write-ahead log back every so many pages of 16 KiB (64 MiB): rarer copies, fewer writes."""

_COMMIT_BYTES: Final = 32 << 20
"""A shared commit takes no further callers beyond this size, so that nobody waits long."""

_READ_ROWS: Final = 8
_TRUNCATE_ROWS: Final = 64


@dataclass(slots=True)
class _Job:
    records: Sequence[Record]
    dead_letters: Sequence[DeadLetter]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[int]
    before: int | None = None
    """Set for a truncation: forget records before this number."""


class SqliteLog:
    """`ingest.log.Log` in a SQLite file.

    One thread owns the writing connection. A caller's records and dead letters are one transaction,
    possibly shared with other callers: whoever comes while a commit runs goes into the next one, so
    nobody waits longer than a commit takes, and no timer is needed. Readers have connections of their
    own and never block the writer.

    path : Path  The file; made when it is not there.
    max_pages : int | None  Upper bound of the file in pages of 16 KiB, for tests of a full disk.
    Raises LogUnavailableError when the file cannot be opened.
    """

    def __init__(self, path: Path, *, max_pages: int | None = None) -> None:
        self._path = path
        self._max_pages = max_pages
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        try:
            self._connection: sqlite3.Connection | None = self._open()
            self._last_seq = self._stored_last_seq()
        except sqlite3.Error as error:
            raise LogUnavailableError(f"{path}: {error}") from error
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()

    @property
    def path(self) -> Path:
        """Where the log lies."""
        return self._path

    async def append(self, records: Sequence[Record], dead_letters: Sequence[DeadLetter] = ()) -> int:
        """See `Log.append`."""
        if not records and not dead_letters:
            return self._last_seq
        return await self._submit(records, dead_letters, None)

    def read(self, after_seq: int, limit: int = 1000) -> Iterator[tuple[int, Record]]:
        """See `Log.read`. May be called in any thread; holds no lock between records."""
        return read_records(self._path, after_seq, limit)

    async def truncate(self, before_seq: int) -> None:
        """See `Log.truncate`. In small commits, between which others are stored."""
        while (oldest := self.first_seq()) < before_seq and oldest <= self._last_seq:
            await self._submit((), (), min(before_seq, oldest + _TRUNCATE_ROWS))

    def first_seq(self) -> int:
        """Sequence number of the oldest record; the next one to be given when there is none."""
        with closing(connect_reading(self._path)) as connection:
            (seq,) = connection.execute("SELECT min(seq) FROM records").fetchone()
        return self._last_seq + 1 if seq is None else int(seq)

    def size_bytes(self) -> int:
        """How much of the file is in use [bytes]; freed room is used again, the file itself stays large."""
        with closing(connect_reading(self._path)) as connection:
            values = [
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            ]
        return int((values[0] - values[1]) * values[2])

    async def retain(self, *, after: int, needed_seq: int, max_bytes: int | None = None) -> int:
        """Forget what is old, or too much; return how many records went.

        after : int  Records (and dead letters) of an earlier time go [µs since 1970 UTC].
        needed_seq : int  Nothing from this number on goes, however old: a consumer still needs it.
        max_bytes : int | None  The oldest records go, whatever their age, while more than this is in use.
        """
        first = self.first_seq()
        with closing(connect_reading(self._path)) as connection:
            (seq,) = connection.execute("SELECT min(seq) FROM records WHERE time >= ?", (after,)).fetchone()
        await self.truncate(min(needed_seq, self._last_seq + 1 if seq is None else int(seq)))
        while max_bytes is not None and self.size_bytes() > max_bytes:
            oldest = self.first_seq()
            if oldest >= min(needed_seq, self._last_seq + 1):
                break
            await self.truncate(min(needed_seq, oldest + _TRUNCATE_ROWS))
        return self.first_seq() - first

    def last_seq(self) -> int:
        """See `Log.last_seq`."""
        return self._last_seq

    def close(self) -> None:
        """See `Log.close`. May be called more than once."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._writer.join()

    def _submit(
        self, records: Sequence[Record], dead_letters: Sequence[DeadLetter], before: int | None
    ) -> asyncio.Future[int]:
        if self._closed:
            raise LogUnavailableError(f"{self._path}: the log is closed")
        loop = asyncio.get_running_loop()
        job = _Job(records, dead_letters, loop, loop.create_future(), before)
        self._jobs.put(job)
        return job.done

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA busy_timeout = 10000")
            connection.execute("PRAGMA page_size = 16384")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {_CHECKPOINT_PAGES * 16384}")
            if self._max_pages is not None:
                connection.execute(f"PRAGMA max_page_count = {self._max_pages}")
            connection.executescript(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _stored_last_seq(self) -> int:
        assert self._connection is not None
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
        return int(row[0]) if row else 0

    def _write(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                break
            jobs, last = [job], False
            while len(jobs) < 1000:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                jobs.append(more)
            self._commit(jobs)
            if last:
                break
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _commit(self, jobs: list[_Job]) -> None:
        ready: list[tuple[_Job, list[tuple[int, int, bytes]]]] = []
        size = 0
        for position, job in enumerate(jobs):
            try:
                bodies = [encode_record(record) for record in job.records]
            except Exception as error:
                _settle([(job, error)])
                continue
            ready.append((job, bodies))
            size += sum(len(body) for _, _, body in bodies)
            if size > _COMMIT_BYTES and position + 1 < len(jobs):
                self._store(ready)
                ready, size = [], 0
        if ready:
            self._store(ready)

    def _store(self, ready: list[tuple[_Job, list[tuple[int, int, bytes]]]]) -> None:
        seq = self._last_seq
        outcome: list[tuple[_Job, int | BaseException]] = []
        try:
            if self._connection is None:
                self._connection = self._open()
                seq = self._last_seq = self._stored_last_seq()
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            for job, bodies in ready:
                for kind, time, body in bodies:
                    seq += 1
                    connection.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (seq, kind, time, body))
                if job.dead_letters:
                    connection.executemany(
                        "INSERT INTO dead_letters (received, topic, payload, reason, detail)"
                        " VALUES (?, ?, ?, ?, ?)",
                        [(d.received, d.topic, d.payload, d.reason, d.detail) for d in job.dead_letters],
                    )
                if job.before is not None:
                    connection.execute("DELETE FROM records WHERE seq < ?", (job.before,))
                outcome.append((job, seq))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._recover()
            trouble = LogUnavailableError(f"{self._path}: {error}")
            _settle([(job, trouble) for job, _ in ready])
            return
        self._last_seq = seq
        _settle(outcome)

    def _recover(self) -> None:
        """Undo what failed; when even that fails, open the file anew at the next commit."""
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            connection.close()
            self._connection = None


def connect_reading(path: Path) -> sqlite3.Connection:
    """A read-only connection to a log that another thread or process may be writing.

    Raises sqlite3.OperationalError when there is no such file.
    """
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 10000")
    return connection


def read_records(path: Path, after_seq: int, limit: int = 1000) -> Iterator[tuple[int, Record]]:
    """`Log.read` of a file, for this or any other process."""
    with closing(connect_reading(path)) as connection:
        while limit > 0:
            rows = connection.execute(
                "SELECT seq, kind, body FROM records WHERE seq > ? ORDER BY seq LIMIT ?",
                (after_seq, min(limit, _READ_ROWS)),
            ).fetchall()
            for seq, kind, body in rows:
                yield seq, decode_record(kind, body)
                after_seq = seq
            if not rows:
                return
            limit -= len(rows)


def _settle(outcome: Sequence[tuple[_Job, int | BaseException]]) -> None:
    """Tell each caller, in its own event loop; one wake-up per loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[int], int | BaseException]]] = {}
    for job, result in outcome:
        by_loop.setdefault(job.loop, []).append((job.done, result))
    for loop, results in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, results)
        except RuntimeError:
            _log.warning("log.caller_gone", sentence="A caller went away before its records were stored.")


def _resolve(results: Sequence[tuple[asyncio.Future[int], int | BaseException]]) -> None:
    for future, result in results:
        if future.done():
            continue
        if isinstance(result, BaseException):
            future.set_exception(result)
        else:
            future.set_result(result)
