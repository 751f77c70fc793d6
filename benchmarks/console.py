"""The console with 10,000 open incidents: time of pages, size of the first view, cost of idle consoles."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

INCIDENTS = 10_000
CONSOLES = 50
IDLE_S = 20.0
ROUNDS = 40
PAGES = ("/", "/now/board", "/incidents", "/incidents?state=all&q=57", "/incidents/1", "/roster", "/messages")


def fill(folder: Path) -> None:
    """An office with so many incidents open, of all hazards of lids, on distinct covers, all told of."""
    from jingqiao.incidents.book import IncidentBook
    from jingqiao.incidents.facts import Facts
    from rules.alarm import Hazard, Severity
    from tests.support.console import WITH_LIMITS, ConsoleOffice
    from tests.support.response import change

    office = ConsoleOffice(folder, roster=WITH_LIMITS)
    office.add_accounts()
    book = IncidentBook(
        office.database,
        lambda asset_id, _: Facts(
            "cover", f"古城路{asset_id[-4:]}号上水井", "鄂城区", "古城路", 114.88, 30.39
        ),
        office.planner,
    )
    hazards = (Hazard.MISSING, Hazard.TILTED, Hazard.SUNKEN, Hazard.LOOSE, Hazard.FLOODED)
    changes = [
        change(
            hazard=hazards[n % 5],
            asset_id=f"42070401{n:08d}",
            severity=Severity(n % 4 + 1),
            value=float(n % 90),
        )
        for n in range(INCIDENTS)
    ]
    for start in range(0, INCIDENTS, 500):
        book.commit(book.committed_seq() + 1, changes[start : start + 500], office.clock.now())
    office.close()


async def serve(folder: Path) -> None:
    """The console of that office, until it is ended."""
    from tests.support.console import WITH_LIMITS, ConsoleOffice

    office = ConsoleOffice(folder, roster=WITH_LIMITS)
    async with office.served() as url:
        print(url, flush=True)
        await asyncio.Event().wait()


async def measure(url: str, pid: int) -> list[tuple[str, float, str]]:
    """All figures. Times are between request and whole answer on loopback."""
    from tests.support.console import PASSWORD

    rows: list[tuple[str, float, str]] = []
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await client.post("/login", data={"name": "admin", "password": PASSWORD})
        for path in PAGES:
            times = []
            spent = _cpu_s(pid)
            for _ in range(ROUNDS):
                started = time.perf_counter()
                answer = await client.get(path)
                times.append((time.perf_counter() - started) * 1000)
                assert answer.status_code == 200, path
            spent = (_cpu_s(pid) - spent) / ROUNDS * 1000
            rows.append((f"{path}, p95", sorted(times)[int(0.95 * ROUNDS)], "ms"))
            rows.append((f"{path}, processor time", spent, "ms"))
        rows.append(("first view, compressed", await first_view(client) / 1000, "kB"))
        rows.append((f"{CONSOLES} idle consoles", 100 * await idle_cost(client, pid), "% of a core"))
    return rows


async def first_view(client: httpx.AsyncClient) -> int:
    """Bytes that come over the wire for the first page with all it loads."""
    total, seen = 0, set()
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        async with client.stream("GET", path) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])
            total += len(raw)
        text = (await client.get(path)).text
        waiting += re.findall(r'(?:href|src)="(/static/[^"]+)"', text) if path == "/" else []
        if path.endswith(".js") and "/vendor/" not in path:
            waiting += [f"{path.rsplit('/', 1)[0]}/{name}" for name in re.findall(r'from "\./([^"]+)"', text)]
    return total


async def idle_cost(client: httpx.AsyncClient, pid: int) -> float:
    """Share of a core that the server takes with so many consoles open while nothing happens."""
    async with AsyncExitStack() as stack:
        answers = [await stack.enter_async_context(client.stream("GET", "/events")) for _ in range(CONSOLES)]
        readers = [asyncio.create_task(_drain(answer)) for answer in answers]
        await asyncio.sleep(2)
        before = _cpu_s(pid)
        await asyncio.sleep(IDLE_S)
        spent = _cpu_s(pid) - before
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return spent / IDLE_S


async def _drain(answer: httpx.Response) -> None:
    async for _ in answer.aiter_lines():
        pass


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run() -> list[tuple[str, float, str]]:
    """Fill, serve in a process of its own, measure."""
    with tempfile.TemporaryDirectory() as place:
        fill(Path(place))
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.console", place], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            rows = asyncio.run(measure(server.stdout.readline().strip(), server.pid))
        finally:
            server.kill()
            server.wait()
    return [(f"console, {INCIDENTS:,} open: {what}", figure, unit) for what, figure, unit in rows]


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
