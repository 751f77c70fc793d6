"""The way out to a real Mosquitto: taken, dropped, not allowed, away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.sources import SourceSettings
from jingqiao.broker_out import BrokerAwayError, BrokerOut, PublishRefusedError
from tests.support.listener import Listener
from tests.support.mosquitto import Mosquitto, free_port

pytestmark = pytest.mark.mosquitto
TOPIC = "jingqiao/v1/a/command"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    acl = ["user city", "topic readwrite jingqiao/#", "user reader", "topic read #"]
    users = {"city": "secret", "reader": "secret"}
    with Mosquitto(tmp_path, users=users, acl=acl) as broker:
        yield broker


def way(broker: Mosquitto, **fields: Any) -> BrokerOut:
    login = {"username": "city", "password": "secret", "client_id": "office", "connect_timeout_s": 5}
    return BrokerOut(SourceSettings.model_validate({"url": broker.url, **login, **fields}))


async def test_a_broker_says_whether_anybody_listens(broker: Mosquitto) -> None:
    out = way(broker)
    async with out.connected() as publish:
        assert await publish(TOPIC, b"1") is False
    with Listener(broker.port, "jingqiao/#", username="city", password="secret") as device:
        async with out.connected() as publish:
            assert await publish(TOPIC, b"2") is True
            assert await publish(TOPIC, b"3") is True
        async with way(broker, protocol="3.1.1").connected() as publish:
            assert await publish(TOPIC, b"4") is True
        device.wait_for(3)
    assert device.heard == [(TOPIC, b"2"), (TOPIC, b"3"), (TOPIC, b"4")]
    assert "office-downlink" in broker.log()


async def test_what_the_access_list_forbids_is_refused(broker: Mosquitto) -> None:
    async with way(broker, username="reader").connected() as publish:
        with pytest.raises(PublishRefusedError, match="Not authorized"):
            await publish(TOPIC, b"1")


async def test_a_wrong_password_is_a_broker_that_is_away_and_never_told(broker: Mosquitto) -> None:
    with pytest.raises(BrokerAwayError) as caught:
        async with way(broker, password="wrong-secret").connected():
            pass
    assert "wrong-secret" not in str(caught.value)


async def test_nobody_there_is_a_broker_that_is_away(broker: Mosquitto) -> None:
    with pytest.raises(BrokerAwayError):
        async with way(broker, url=f"mqtt://127.0.0.1:{free_port()}").connected():
            pass


@pytest.mark.parametrize(
    ("topics", "topic", "serves"),
    [
        (["jingqiao/v1/+/readings"], TOPIC, True),
        (["#"], TOPIC, True),
        (["+/v1/#"], TOPIC, True),
        (["application/#"], TOPIC, False),
        (["application/#"], "application/7/device/x/command/down", True),
    ],
)
def test_a_broker_serves_the_first_levels_that_are_heard_there(
    topics: list[str], topic: str, serves: bool
) -> None:
    out = BrokerOut(SourceSettings(topics=tuple(topics)))
    assert out.serves(topic) is serves
