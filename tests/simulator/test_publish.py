"""Publishing to a real broker: everything arrives, in order, also over a broken connection."""

import asyncio
from pathlib import Path

import aiomqtt
import pytest

from simulator import offline
from simulator.fleet import Fleet, Outgoing
from simulator.publish import Broker, publish
from simulator.scenario import Scenario
from tests.support.mosquitto import Mosquitto


def fleet() -> Fleet:
    scene = Scenario.model_validate({"name": "test", "start": "2026-03-02T00:00:00+08:00", "days": 4})
    return Fleet(offline.registry_of(*offline.synthetic_lids(40, 1)), scene, 1)


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://host", Broker("host", 1883)),
        ("mqtts://u:p%40@host:9", Broker("host", 9, "u", "p@", True)),
    ],
)
def test_addresses_are_understood(url: str, broker: Broker) -> None:
    assert Broker.of(url) == broker


@pytest.mark.parametrize("url", ["host:1883", "http://host", "mqtt://"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="mqtt://host:1883"):
        Broker.of(url)


@pytest.mark.mosquitto
async def test_every_message_arrives_once_and_in_order(tmp_path: Path) -> None:
    wanted = fleet().advance(fleet().scenario.end_us + 86_400_000_000)
    with Mosquitto(tmp_path) as mosquitto:
        got: list[tuple[str, bytes]] = []
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            await client.subscribe("jingqiao/#", qos=1)
            sent = await publish(fleet(), Broker.of(mosquitto.url), None)
            async with asyncio.timeout(20):
                async for message in client.messages:
                    got.append((str(message.topic), bytes(message.payload)))
                    if len(got) == len(wanted):
                        break
    assert sent == len(wanted)
    assert got == [(m.topic, m.payload) for m in wanted]


@pytest.mark.mosquitto
async def test_a_broker_that_goes_and_comes_back_gets_everything(tmp_path: Path) -> None:
    wanted = {m.payload for m in fleet().advance(fleet().scenario.end_us + 86_400_000_000)}
    confirmed: list[Outgoing] = []
    with Mosquitto(tmp_path) as mosquitto:
        killed = asyncio.Event()

        def count(message: Outgoing) -> None:
            confirmed.append(message)
            if len(confirmed) == 120:
                mosquitto.kill()
                killed.set()

        async def raise_again() -> None:
            await killed.wait()
            mosquitto.start()

        async with asyncio.timeout(40):
            _, sent = await asyncio.gather(
                raise_again(), publish(fleet(), Broker.of(mosquitto.url), None, in_flight=20, on_sent=count)
            )
    assert sent == len(confirmed)
    assert {m.payload for m in confirmed} == wanted


class Jump:
    """A clock that moves only by being slept on."""

    def __init__(self, start: int) -> None:
        self.time = start

    def now(self) -> int:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += int(seconds * 1e6)
        await asyncio.sleep(0)


@pytest.mark.mosquitto
async def test_with_a_clock_nothing_goes_out_before_its_time(tmp_path: Path) -> None:
    source = fleet()
    clock = Jump(source.scenario.start_us)
    early: list[Outgoing] = []
    with Mosquitto(tmp_path) as mosquitto:
        sent = await publish(
            source,
            Broker.of(mosquitto.url),
            clock,
            step_s=7200,
            on_sent=lambda m: early.append(m) if m.at > clock.time else None,
        )
    assert sent > 100
    assert early == []
