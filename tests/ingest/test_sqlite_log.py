"""The SQLite log keeps the contract, a full disk, a kill, and a reader beside the writer."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.log import DeadLetter, LogUnavailableError, Tick
from ingest.sqlite_log import SqliteLog
from tests.ingest.log_contract import LogContract, frame


class TestSqliteLog(LogContract):
    """SQLite keeps the contract of the log."""

    @pytest.fixture
    def open_log(self, tmp_path):
        return lambda: SqliteLog(tmp_path / "log.sqlite")


async def test_a_full_disk_refuses_whole_appends_and_heals_by_itself(tmp_path):
    log = SqliteLog(tmp_path / "log.sqlite", max_pages=40)
    big = frame(*range(1000))
    outcome = [await _outcome(log.append([big])) for _ in range(60)]
    stored = sum(isinstance(seq, int) for seq in outcome)
    assert 0 < stored < 60
    assert "full" in str(outcome[-1])
    with pytest.raises(LogUnavailableError):
        await log.append([big], [DeadLetter(1, "t", b"x", "json", "d")])
    assert stored == log.last_seq() == len(list(log.read(0)))
    await log.truncate(stored)
    assert await log.append([big]) == stored + 1
    log.close()


async def _outcome(append):
    try:
        return await append
    except LogUnavailableError as error:
        return error


async def test_a_log_on_no_disk_says_so(tmp_path):
    with pytest.raises(LogUnavailableError):
        SqliteLog(tmp_path / "nowhere" / "log.sqlite")


async def test_a_closed_log_takes_nothing(tmp_path):
    log = SqliteLog(tmp_path / "log.sqlite")
    log.close()
    with pytest.raises(LogUnavailableError):
        await log.append([Tick(1)])


_WRITER = """
import asyncio, sys
from pathlib import Path
from ingest.log import Tick
from ingest.sqlite_log import SqliteLog
async def main():
    log = SqliteLog(Path(sys.argv[1]))
    for i in range(1_000_000):
        print(await log.append([Tick(i)] * 3), flush=True)
asyncio.run(main())
"""


def _start_writer(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("lines", [1, 5, 17, 60, 150])
async def test_a_kill_loses_nothing_that_was_promised(tmp_path: Path, lines: int):
    """After kill -9 every number that was given is there, appends are whole, and numbering goes on."""
    path = tmp_path / "log.sqlite"
    writer = _start_writer(path)
    promised = [int(writer.stdout.readline()) for _ in range(lines)][-1]
    writer.send_signal(signal.SIGKILL)
    rest, _ = writer.communicate()
    complete = rest.rpartition("\n")[0].split()
    promised = int(complete[-1]) if complete else promised
    log = SqliteLog(path)
    records = list(log.read(0, 10_000_000))
    assert len(records) >= promised
    assert len(records) % 3 == 0
    assert [Tick(i // 3) for i in range(len(records))] == [record for _, record in records]
    assert await log.append([Tick(0)]) == len(records) + 1
    log.close()


async def test_another_process_reads_while_this_one_writes(tmp_path):
    path = tmp_path / "log.sqlite"
    log = SqliteLog(path)
    await log.append([Tick(i) for i in range(50)])
    code = (
        "import sys; from pathlib import Path; from ingest.sqlite_log import read_records;"
        "print(sum(1 for _ in read_records(Path(sys.argv[1]), 0)))"
    )
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(path), stdout=asyncio.subprocess.PIPE
    )
    while reader.returncode is None:
        await log.append([Tick(1)])
        try:
            await asyncio.wait_for(asyncio.shield(reader.wait()), 0.01)
        except TimeoutError:
            continue
    out, _ = await reader.communicate()
    assert int(out) >= 50
    log.close()


async def test_retention_forgets_by_age_but_never_what_is_needed(tmp_path):
    log = SqliteLog(tmp_path / "log.sqlite")
    for i in range(300):
        await log.append([Tick(i)])
    assert await log.retain(after=100, needed_seq=51) == 50
    assert log.first_seq() == 51
    assert await log.retain(after=100, needed_seq=1000) == 50
    assert [record for _, record in log.read(0, 1)] == [Tick(100)]
    log.close()


async def test_retention_forgets_the_oldest_of_too_much(tmp_path):
    log = SqliteLog(tmp_path / "log.sqlite")
    for i in range(200):
        await log.append([frame(*range(i, i + 1000))])
    before = log.size_bytes()
    await log.retain(after=0, needed_seq=190, max_bytes=before // 2)
    assert log.size_bytes() <= before // 2
    assert 1 < log.first_seq() <= 190
    log.close()
