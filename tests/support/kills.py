"""Kills a dispatcher with -9 at random moments, against providers that are real HTTP servers, and counts.

A process that has imported everything forks a dispatcher for each life: a thousand lives take minutes.
The providers' limits are set aside: they would make it take days.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from config.roster import load_roster
from jingqiao.clock import WallClock
from jingqiao.database import migrate, open_database, reading
from jingqiao.incidents.book import IncidentBook
from jingqiao.incidents.facts import Facts
from jingqiao.notify.planner import Planner
from tests.support.http_fake import Answer, HttpFake, Request
from tests.support.providers import Aliyun, Tencent, WeCom
from tests.support.response import change

BREEDER = """
import asyncio, os, sys
from pathlib import Path
from config.roster import load_roster
from jingqiao.clock import WallClock
from jingqiao.database import open_database
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.notify.channels import CHANNELS
from jingqiao.notify.dispatcher import Dispatcher
from jingqiao.notify.planner import Planner

for kind in CHANNELS.values():
    kind.limits = ()
roster = load_roster(Path(sys.argv[1]), {})
sender = AppriseSender(2.0)

def live():
    os.dup2(2, 1)
    planner = Planner(lambda: roster)
    database = open_database(sys.argv[2])
    dispatcher = Dispatcher(database, sender, lambda: roster, planner, WallClock(), lease_s=2.0)
    asyncio.run(dispatcher.run())

print("up", flush=True)
for _ in sys.stdin:
    child = os.fork()
    if not child:
        live()
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""

DISTRICTS = 20
_WAITING = sa.text("SELECT count(*) FROM message WHERE state IN ('pending', 'sending', 'unsure')")
PROVIDERS = ("webhook", "wecom", "aliyun", "tencent")


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of it, by provider.

    waiting : Messages that were not sent when patience ended. counted : Repeats that the rows admit to.
    """

    kills: int
    alarms: int
    lost: dict[str, int]
    waiting: int
    twice: dict[str, int]
    counted: int


def killed(folder: Path, kills: int, alarms_a_life: int, seed: int = 7, patience_s: float = 900.0) -> Tally:
    """Run so many lives, each ended by SIGKILL, then one more until all is sent."""
    got: dict[str, Counter[str]] = {name: Counter() for name in PROVIDERS}
    lock = threading.Lock()

    def webhook(request: Request) -> Answer:
        with lock:
            got["webhook"][request.json()["title"]] += 1
        return Answer()

    members = tuple(f"m{n}" for n in range(DISTRICTS))
    wecom = WeCom(members=members)
    aliyun, tencent = Aliyun(day_limit=10**9), Tencent()
    chance = random.Random(seed)
    with ExitStack() as stack:
        behaviours: tuple[Callable[[Request], Answer], ...] = (webhook, wecom, aliyun, tencent)
        fakes = [stack.enter_context(HttpFake(behaviour)) for behaviour in behaviours]
        roster_file = folder / "roster.toml"
        roster_file.write_text(_roster(*(fake.url for fake in fakes)), "utf-8")
        url = f"sqlite:///{folder}/kills.db"
        database = open_database(url)
        stack.callback(database.dispose)
        migrate(database)
        roster = load_roster(roster_file, {})
        book = IncidentBook(database, _facts, Planner(lambda: roster))
        breeder = stack.enter_context(_breeder(roster_file, url))
        assert breeder.stdin is not None
        assert breeder.stdout is not None
        assert breeder.stdout.readline() == "up\n"
        for life in range(kills + 1):
            breeder.stdin.write("live\n")
            breeder.stdin.flush()
            child = int(breeder.stdout.readline())
            if life < kills:
                now = WallClock().now()
                first = life * alarms_a_life
                book.commit(life + 1, [_alarm(first + n, now) for n in range(alarms_a_life)], now)
                time.sleep(chance.uniform(0.0, 0.25))
            else:
                _until_all_is_sent(database, patience_s)
            os.kill(child, signal.SIGKILL)
            assert breeder.stdout.readline() == "gone\n"
        breeder.stdin.close()
        with reading(database) as connection:
            counted = connection.execute(
                sa.text("SELECT count(*) FROM attempt WHERE outcome = 'unknown_repeated'")
            ).scalar_one()
            waiting = connection.execute(_WAITING).scalar_one()
    got["wecom"].update(wecom.got)
    got["aliyun"].update(sent["OutId"] for sent in aliyun.sent)
    got["tencent"].update(sent["SessionContext"] for sent in tencent.sent)
    alarms = kills * alarms_a_life
    return Tally(
        kills,
        alarms,
        {name: alarms - len(counter) for name, counter in got.items()},
        int(waiting),
        {name: counter.total() - len(counter) for name, counter in got.items()},
        int(counted),
    )


def _breeder(roster_file: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BREEDER, str(roster_file), url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _alarm(number: int, now: int) -> object:
    return change(asset_id=f"{number % DISTRICTS:06d}-{number}", event_at=now)


def _facts(asset_id: str, sensor_id: str) -> Facts:
    return Facts(kind="cover", name=asset_id, district=f"D{int(asset_id[:6])}")


def _roster(webhook: str, wecom: str, aliyun: str, tencent: str) -> str:
    lines = [
        'fallback = "office"',
        "limits = [{ within = 0 }]",
        'calm = { most_an_hour = 1000000, quiet_from = "00:00", quiet_to = "00:00", area_from = 0 }',
        '[people.office]\nname = "office"\nchannels = ["json://127.0.0.1:9/"]',
    ]
    for n in range(DISTRICTS):
        phone = f"138{n:08d}"
        urls = (
            f"{webhook.replace('http', 'json')}/{n}",
            f"wecomapp://ww1:s3@1000002/m{n}?endpoint={wecom}",
            f"alisms://LTAI:ali%2Bs%2Fecret@SMS_1/{phone}?sign=x&endpoint={aliyun}",
            f"tencentsms://AKID:tc@1400006666/1/{phone}?sign=x&endpoint={tencent}",
        )
        people = [f"{name}-{n}" for name in PROVIDERS]
        for person, url in zip(people, urls, strict=True):
            lines.append(f'[people."{person}"]\nname = "{person}"\nchannels = ["{url}"]')
        listed = ", ".join(f'"{person}"' for person in people)
        lines.append(f'[[teams]]\nid = "t{n}"\ndistricts = ["D{n}"]\nshifts = [{{ people = [{listed}] }}]')
    lines.append('[escalation.red]\nsteps = [{ after_min = 0, who = ["duty"] }]')
    return "\n".join(lines)


def _until_all_is_sent(database: sa.Engine, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with reading(database) as connection:
            if not connection.execute(_WAITING).scalar():
                return
        time.sleep(0.2)
