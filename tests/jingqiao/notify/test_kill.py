"""A dispatcher that is killed with -9 at random moments, against a real receiver: nothing is lost."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import sqlalchemy as sa

from config.roster import load_roster
from jingqiao.clock import WallClock
from jingqiao.database import migrate, open_database, reading
from jingqiao.incidents.book import IncidentBook
from jingqiao.incidents.facts import asset_facts
from jingqiao.notify.planner import Planner
from tests.support.http_fake import Answer, HttpFake, Request
from tests.support.kills import killed
from tests.support.response import REGISTRY, ROSTER, change

PROGRAM = """
import asyncio, sys
from pathlib import Path
from config.roster import load_roster
from jingqiao.clock import WallClock
from jingqiao.database import open_database
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.notify.dispatcher import Dispatcher
from jingqiao.notify.planner import Planner

roster = load_roster(Path(sys.argv[1]), {})
planner = Planner(lambda: roster)
dispatcher = Dispatcher(
    open_database(sys.argv[2]), AppriseSender(2.0), lambda: roster, planner, WallClock(), lease_s=0.5
)
print("up", flush=True)
asyncio.run(dispatcher.run())
"""

MESSAGES = 240
KILLS = 6


def test_kill_9_at_random_moments_loses_no_message_and_counts_every_second_copy(tmp_path: Path) -> None:
    got: Counter[str] = Counter()

    def receive(request: Request) -> Answer:
        got[request.json()["title"]] += 1
        time.sleep(0.02)
        return Answer()

    chance = random.Random(7)
    with HttpFake(receive) as receiver:
        path = tmp_path / "roster.toml"
        path.write_text(ROSTER.replace("phone://zhang", f"json://127.0.0.1:{receiver.port}/"))
        url = f"sqlite:///{tmp_path}/a.db"
        database = open_database(url)
        migrate(database)
        roster = load_roster(path, {})
        book = IncidentBook(database, lambda a, s: asset_facts(REGISTRY, a, s), Planner(lambda: roster))
        now = WallClock().now()
        book.commit(1, [change(asset_id=f"A{i}", event_at=now) for i in range(MESSAGES)], now)
        for kill in range(KILLS + 1):
            worker = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(path), url], stdout=subprocess.PIPE, text=True
            )
            assert worker.stdout is not None
            assert worker.stdout.readline() == "up\n"
            if kill < KILLS:
                time.sleep(chance.uniform(0.02, 0.25))
            else:
                deadline = time.monotonic() + 60
                while _waiting(database) and time.monotonic() < deadline:
                    time.sleep(0.1)
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            worker.stdout.close()
        with reading(database) as connection:
            outcomes = Counter(connection.execute(sa.text("SELECT outcome FROM attempt")).scalars().all())
        database.dispose()
    assert len(got) == MESSAGES
    assert outcomes["sent"] == MESSAGES
    assert sum(got.values()) - MESSAGES <= outcomes["unknown_repeated"]


def _waiting(database: sa.Engine) -> int:
    with reading(database) as connection:
        query = sa.text("SELECT count(*) FROM message WHERE kind = 'step' AND state NOT IN ('sent')")
        return int(connection.execute(query).scalar() or 0)


def test_where_a_provider_can_be_asked_kill_9_neither_loses_nor_doubles(tmp_path: Path) -> None:
    """25 lives here, a thousand in `make bench ARGS=kills`."""
    tally = killed(tmp_path, kills=25, alarms_a_life=3)
    assert tally.lost == {"webhook": 0, "wecom": 0, "aliyun": 0, "tencent": 0}
    assert (tally.twice["wecom"], tally.twice["aliyun"], tally.twice["tencent"]) == (0, 0, 0)
    assert tally.twice["webhook"] <= tally.counted
