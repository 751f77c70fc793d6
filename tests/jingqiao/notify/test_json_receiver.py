"""From the engine's change to a real HTTP receiver behind apprise's `json://`."""

import asyncio
import json
import time
from pathlib import Path

from jingqiao.notify.apprise_sender import AppriseSender
from tests.support.http_fake import Answer, HttpFake, Request
from tests.support.response import ROSTER, Office, change


def roster_with(url: str) -> str:
    return ROSTER.replace("phone://zhang", url)


async def test_a_message_arrives_whole_at_a_json_receiver(tmp_path: Path) -> None:
    with HttpFake(lambda request: Answer()) as receiver:
        office = Office(
            tmp_path, roster_with(f"json://127.0.0.1:{receiver.port}/zhang"), sender=AppriseSender(2.0)
        )
        await office.engine_says(change())
        office.close()
    (request,) = receiver.requests
    assert request.path == "/zhang"
    assert request.json()["title"] == "【红色】井盖缺失 #1"
    first = request.json()["message"].splitlines()[0]
    assert first == "【红色】井盖缺失：武昌大道55号电力井(尾号000001) 鄂城区"
    assert len(first) <= 60


async def test_a_receiver_that_stumbles_gets_it_on_the_next_try(tmp_path: Path) -> None:
    answers = iter([Answer(503), Answer(503), Answer()])
    with HttpFake(lambda request: next(answers)) as receiver:
        office = Office(
            tmp_path, roster_with(f"json://127.0.0.1:{receiver.port}/"), sender=AppriseSender(2.0)
        )
        await office.engine_says(change())
        assert len(receiver.requests) == 1
        await office.until("03:00:15")
        office.close()
    assert len(receiver.requests) == 3
    assert len({json.dumps(r.json(), sort_keys=True) for r in receiver.requests}) == 1


async def test_a_running_dispatcher_is_woken_by_the_commit(tmp_path: Path) -> None:
    """Publish → sender within 200 ms at p99 leaves no room for polling: the commit itself wakes it."""
    arrived: list[float] = []

    def behaviour(request: Request) -> Answer:
        arrived.append(time.monotonic())
        return Answer()

    with HttpFake(behaviour) as receiver:
        office = Office(
            tmp_path, roster_with(f"json://127.0.0.1:{receiver.port}/"), sender=AppriseSender(2.0)
        )
        running = asyncio.create_task(office.dispatcher.run())
        await asyncio.sleep(0)
        waited = []
        for seq in range(1, 11):
            begun = time.monotonic()
            await asyncio.to_thread(office.book.commit, seq, [change(asset_id=f"A{seq}")], office.clock.now())
            async with asyncio.timeout(5):
                while len(arrived) < seq:  # noqa: ASYNC110 - the receiver lives in another thread
                    await asyncio.sleep(0.001)
            waited.append(arrived[-1] - begun)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        office.close()
    assert sorted(waited)[5] < 0.2
