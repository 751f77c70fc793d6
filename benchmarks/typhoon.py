"""A typhoon: 10,000 alarms in one minute; what reaches people, when, and what it costs.

Once with simulated time and WeCom's limits for one member, where every red has to follow the
limit closely; once with the machine's own time and a provider that is a real HTTP server without a limit.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

ALARMS: Final = 10_000
MINUTE: Final = 60
"""Batches of alarms: one a second of the minute."""
PHONE: Final = "13800000000"
WECOM: Final = "wecomapp://corp:secret@1000002/zhang"
WECOM_A_MINUTE: Final = 30
WECOM_AN_HOUR: Final = 1000
DRAINED_S: Final = 40
"""How long after the minute it is waited for the last red at most [s]: longer would miss the 30 s anyway."""

_WITH_A_ROW: Final = """
    SELECT count(DISTINCT i.id) FROM incident i JOIN message m ON m.incident_id = i.id
    WHERE m.role = 'duty' AND i.subject NOT LIKE 'area:%'
"""


def run(alarms: int = ALARMS) -> list[tuple[str, float, str]]:
    """Rows of (what, figure, unit)."""
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_limited(Path(folder), alarms))
    with tempfile.TemporaryDirectory() as folder:
        rows += _real(Path(folder), alarms)
    return rows


def _changes(second: int, alarms: int, event_at: int | None = None) -> list[Any]:
    from rules.alarm import Hazard, Severity
    from tests.support.response import change

    grades = [Severity.RED, *[Severity.ORANGE] * 4, *[Severity.YELLOW] * 5]
    return [
        change(
            asset_id=f"T{i}",
            hazard=Hazard.FLOODED,
            severity=grades[i % 10],
            evidence={"area": f"{i % 40}"},
            event_at=event_at,
        )
        for i in range(second * alarms // MINUTE, (second + 1) * alarms // MINUTE)
    ]


def _roster(url: str) -> str:
    """The office of the tests with its calm as shipped, and only the first step: nobody answers here."""
    from tests.support.response import ROSTER

    calm = ROSTER.replace("most_an_hour = 100000\ngroup_from = 100000\n", "")
    calm = calm.replace("phone://zhang", url)
    head, _, tail = calm.partition("[escalation.red]")
    return (
        head + '[escalation.red]\nsteps = [{ after_min = 0, who = ["duty"] }]\n' + tail.partition("]\n]")[2]
    )


async def _limited(folder: Path, alarms: int) -> list[tuple[str, float, str]]:
    import sqlalchemy as sa

    from jingqiao.database import reading
    from tests.support.response import Office

    office = Office(folder, _roster(WECOM))
    sent: list[tuple[int, bool]] = []
    plain = office.phones.send

    def send(outgoing: Any) -> Any:
        if outgoing.channel_url == WECOM:
            sent.append((office.clock.now(), "红色" in outgoing.title))
        return plain(outgoing)

    office.phones.send = send  # type: ignore[method-assign]
    started = time.perf_counter()
    arrivals: list[int] = []
    for second in range(MINUTE):
        await office.until(f"03:00:{second:02d}")
        changes = _changes(second, alarms)
        arrivals += [office.clock.now()] * sum(change.severity.colour == "red" for change in changes)
        await office.engine_says(*changes)
    await office.until("04:03:00")
    took = time.perf_counter() - started
    late = _late_after_the_limit(sent, arrivals)
    below = Counter((to, when[:2]) for when, to, title, _ in office.phones.got if "红色" not in title)
    with reading(office.database) as connection:
        kept = connection.execute(sa.text(_WITH_A_ROW)).scalar_one()
    office.close()
    return [
        (f"typhoon: {alarms:,} alarms in a simulated minute, computed", took, "s"),
        (
            "typhoon: red handed over through limits of 30 a minute, 1000 an hour",
            float(sum(red for _, red in sent)),
            f"of {len(arrivals)}",
        ),
        ("typhoon: latest red after the limits allowed it", late, "s"),
        (
            "typhoon: messages below red to one person in an hour, at most",
            float(max(below.values())),
            "of 12",
        ),
        ("typhoon: alarms without a row for the duty officer", float(alarms - kept), "alarms"),
    ]


def _late_after_the_limit(sent: list[tuple[int, bool]], arrivals: list[int]) -> float:
    """How long the worst red waited though WeCom's limit would have let it go [s].

    It lets one go when fewer than 30 were sent in the minute, and fewer than 1000 in the hour before.
    """
    worst, number = 0.0, 0
    for place, (moment, red) in enumerate(sent):
        if red:
            free = [
                sent[place - count][0] + window_s * 1_000_000
                for count, window_s in ((WECOM_A_MINUTE, 60), (WECOM_AN_HOUR, 3600))
                if place >= count
            ]
            worst = max(worst, (moment - max(arrivals[number], *free, 0)) / 1e6)
            number += 1
    return worst


def _real(folder: Path, alarms: int) -> list[tuple[str, float, str]]:
    from tests.support.http_fake import Answer, HttpFake, Request
    from tests.support.providers import Tencent

    provider = Tencent()
    arrived: dict[str, float] = {}

    def receive(request: Request) -> Answer:
        if request.headers.get("x-tc-action") == "SendSms":
            arrived.setdefault(request.json()["SessionContext"], time.time())
        return provider(request)

    with HttpFake(receive) as fake:
        url = f"tencentsms://AKID:tc@1400006666/1/{PHONE}?sign=x&endpoint={fake.url}"
        code = "import sys; from benchmarks.typhoon import storm; storm(*sys.argv[1:])"
        child = subprocess.run(
            [sys.executable, "-c", code, str(folder), url, str(alarms)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        )
    told = json.loads(child.stdout.splitlines()[-1])
    late = [arrived[key] - made / 1e6 for key, made in told["reds"] if key in arrived]
    return [
        ("typhoon, real time: red that reached the provider", float(len(late)), f"of {len(told['reds'])}"),
        ("typhoon, real time: slowest red, from the incident to the provider", max(late), "s"),
        ("typhoon, real time: messages waiting at the end", float(told["waiting"]), ""),
        ("typhoon, real time: memory after a quarter of the storm", told["early_mb"], "MB"),
        ("typhoon, real time: memory at its end", told["late_mb"], "MB"),
    ]


def storm(folder: str, url: str, alarms: str) -> None:
    """The office of `_real`, in a process of its own; prints what came of it as JSON."""
    asyncio.run(_storm(Path(folder), url, int(alarms)))


async def _storm(folder: Path, url: str, alarms: int) -> None:
    import sqlalchemy as sa

    from config.roster import load_roster
    from jingqiao.clock import WallClock
    from jingqiao.database import migrate, open_database, reading
    from jingqiao.incidents.book import IncidentBook
    from jingqiao.incidents.facts import Facts
    from jingqiao.logging import set_up_logging
    from jingqiao.notify.apprise_sender import AppriseSender
    from jingqiao.notify.dispatcher import Dispatcher
    from jingqiao.notify.planner import Planner
    from jingqiao.notify.tables import message

    set_up_logging(level=50)
    (folder / "roster.toml").write_text(_roster(url), "utf-8")
    roster = load_roster(folder / "roster.toml", {})
    database = open_database(f"sqlite:///{folder}/storm.db")
    migrate(database)
    planner = Planner(lambda: roster)
    clock = WallClock()
    dispatcher = Dispatcher(database, AppriseSender(), lambda: roster, planner, clock)
    book = IncidentBook(database, lambda a, s: Facts(kind="cover"), planner, dispatcher.wake)
    running = asyncio.create_task(dispatcher.run())
    started = clock.now()
    early_mb = 0.0
    for second in range(MINUTE):
        await clock.sleep(max(0.0, started / 1e6 + second - clock.now() / 1e6))
        now = clock.now()
        await asyncio.to_thread(book.commit, second + 1, _changes(second, alarms, now), now)
        if second == MINUTE // 4:
            early_mb = _resident_mb()
    waiting_reds = sa.select(sa.func.count()).where(
        message.c.severity == 4, message.c.state.in_(["pending", "sending", "unsure"])
    )
    for _ in range(DRAINED_S):
        with reading(database) as connection:
            waiting = connection.execute(waiting_reds).scalar_one()
        if not waiting:
            break
        await clock.sleep(1.0)
    late_mb = _resident_mb()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    dispatcher.close()
    with reading(database) as connection:
        query = sa.select(message.c.dedup_key, message.c.created_at).where(
            message.c.severity == 4, message.c.kind == "step", message.c.incident_id.is_not(None)
        )
        reds = [[row.dedup_key, row.created_at] for row in connection.execute(query)]
    print(json.dumps({"reds": reds, "waiting": waiting, "early_mb": early_mb, "late_mb": late_mb}))


def _resident_mb() -> float:
    """What the process holds now, not at its peak [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    for what, figure, unit in run():
        print(f"{what}: {figure:,.2f} {unit}")
