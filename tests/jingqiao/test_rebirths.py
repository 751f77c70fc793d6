"""Sparkplug nodes are asked for a rebirth on the broker they speak on, patiently."""

from __future__ import annotations

from devices.registry import Registry
from ingest.envelopes.sparkplug import SparkplugDecoder
from ingest.envelopes.sparkplug_payload import PayloadMessage, parse
from ingest.message import Message
from jingqiao.clock import ManualClock
from jingqiao.rebirths import Rebirths
from tests.support.broker_fake import BrokerFake

T0 = 1_700_000_000_000_000
REGISTRY = Registry.of([], [{"sensor_id": "lid"}])


def unannounced(node: str, seq: int) -> Message:
    payload = PayloadMessage(timestamp=T0 // 1000, seq=seq)
    payload.metrics.add(alias=3, double_value=1.0)
    return Message(f"spBv1.0/east/DDATA/{node}/lid", payload.SerializeToString(), T0)


async def test_a_node_is_asked_where_it_speaks_and_again_only_after_a_while() -> None:
    decoders = [SparkplugDecoder(), SparkplugDecoder()]
    brokers = [BrokerFake(), BrokerFake()]
    clock = ManualClock(T0)
    rebirths = Rebirths(list(zip(decoders, brokers, strict=True)), clock)
    for seq in range(3):
        decoders[1]([unannounced("gate", seq)], REGISTRY)
        await rebirths.step()
    assert [len(broker.taken) for broker in brokers] == [0, 1]
    topic, payload = brokers[1].taken[0]
    assert topic == "spBv1.0/east/NCMD/gate"
    assert [m.name for m in parse(payload).metrics] == ["Node Control/Rebirth"]
    decoders[1]([unannounced("bridge", 0)], REGISTRY)
    await rebirths.step()
    assert [t for t, _ in brokers[1].taken] == ["spBv1.0/east/NCMD/gate", "spBv1.0/east/NCMD/bridge"]
    await clock.advance(11)
    decoders[1]([unannounced("gate", 3)], REGISTRY)
    await rebirths.step()
    assert len(brokers[1].taken) == 3


async def test_nothing_is_connected_while_nobody_is_wanted() -> None:
    broker = BrokerFake()
    await Rebirths([(SparkplugDecoder(), broker)], ManualClock(T0)).step()
    assert broker.connections == 0


async def test_a_wish_waits_for_a_broker_that_is_away() -> None:
    decoder, broker = SparkplugDecoder(), BrokerFake()
    broker.away = True
    rebirths = Rebirths([(decoder, broker)], ManualClock(T0))
    decoder([unannounced("gate", 0)], REGISTRY)
    await rebirths.step()
    broker.away = False
    await rebirths.step()
    assert [topic for topic, _ in broker.taken] == ["spBv1.0/east/NCMD/gate"]
