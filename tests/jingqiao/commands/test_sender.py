"""Commands reach a device through a real broker, and its answer comes back."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import aiomqtt
import pytest

from config.sources import SourceSettings
from jingqiao.clock import WallClock
from jingqiao.commands.queue import enqueue, listed
from jingqiao.commands.sender import CommandSender
from jingqiao.database import reading
from tests.support.city import small_city
from tests.support.eventually import eventually
from tests.support.mosquitto import Mosquitto

pytestmark = pytest.mark.mosquitto


def states(database) -> dict[str, str]:
    with reading(database) as connection:
        return {row["id"]: row["state"] for row in listed(connection)}


async def device(port: int, heard: list[dict]) -> None:
    """A native gauge that does what it is told, and refuses what it does not know."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("jingqiao/v1/g1/command", qos=1)
        heard.append({})
        async for message in client.messages:
            command = json.loads(message.payload)
            heard.append(command)
            answer = {"state": "online", "t": 1, "ack": command["id"]}
            if "colour" in command["set"]:
                answer["refused"] = "no such setting"
            await client.publish("jingqiao/v1/g1/status", json.dumps(answer), qos=1, retain=True)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_command_is_carried_out_and_the_answer_is_noted(tmp_path, protocol):
    heard: list[dict] = []
    with small_city(tmp_path) as database, Mosquitto(tmp_path / "broker") as broker:
        settings = SourceSettings(url=broker.url, protocol=protocol)
        sender = CommandSender(database, settings, WallClock(), poll_s=0.02, retry_s=0.05)
        tasks = [asyncio.create_task(sender.run()), asyncio.create_task(device(broker.port, heard))]
        try:
            await eventually(lambda: heard)
            now = WallClock().now()
            good = enqueue(database, "g1", {"report_interval_s": 60}, at=now, who="li")
            bad = enqueue(database, "g1", {"colour": "red"}, at=now + 1, who="li")
            await eventually(lambda: states(database) == {good: "acked", bad: "refused"})
            assert [command["id"] for command in heard[1:]] == [good, bad]
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)


async def test_commands_wait_while_the_broker_is_away(tmp_path):
    with small_city(tmp_path) as database:
        broker = Mosquitto(tmp_path / "broker")
        sender = CommandSender(
            database, SourceSettings(url=broker.url), WallClock(), poll_s=0.02, retry_s=0.05
        )
        task = asyncio.create_task(sender.run())
        try:
            command = enqueue(database, "g1", {"x": 1}, at=WallClock().now(), who="li")
            broker.start()
            await eventually(lambda: states(database) == {command: "sent"})
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            broker.stop()
