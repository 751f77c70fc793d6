"""Both sources against a real Mosquitto: nothing is acknowledged before it is durable, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time

import mqtt5
import pytest
from pydantic import SecretStr

from config.sources import SourceSettings
from ingest.mqtt5_source import Mqtt5Source
from ingest.mqtt311_source import Mqtt311Source
from tests.support.eventually import eventually
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.mqtt_publisher import publish

pytestmark = pytest.mark.mosquitto
TOPIC = "jingqiao/v1/a/readings"
VERSIONS = ["5", "3.1.1"]


def now() -> int:
    return time.time_ns() // 1000


def source_for(broker, protocol="5", **options):
    settings = SourceSettings(
        url=broker.url, protocol=protocol, topics=("jingqiao/v1/+/readings",), **options
    )
    settings = settings.model_copy(update={"reconnect_max_s": 0.5})
    return (Mqtt5Source if protocol == "5" else Mqtt311Source)(settings, now, "en")


class Reader:
    """Takes batches in the background; acknowledges them or not."""

    def __init__(self, source, acknowledge=True):
        self.source, self.acknowledge, self.payloads, self.batches = source, acknowledge, [], []
        self.task = asyncio.create_task(self._read())

    async def _read(self):
        async for batch in self.source.batches():
            self.payloads += [message.payload for message in batch.messages]
            self.batches.append(batch)
            if self.acknowledge:
                batch.ack()

    async def connected(self):
        await eventually(lambda: self.source.status.connected)
        return self

    async def close(self):
        self.source.stop()
        await self.task
        await self.source.close()

    async def crash(self):
        """As if the process had died: the connection breaks without a word, nothing is acknowledged."""
        if isinstance(self.source, Mqtt5Source):
            self.source._connection.transport.abort()
        else:
            self.source._client._client._sock_close()
        self.source._task.cancel()
        self.source.stop()
        await asyncio.gather(self.task, self.source._task, return_exceptions=True)


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path / "broker") as running:
        yield running


def numbered(first, last):
    return [(TOPIC, b"%d" % i) for i in range(first, last)]


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_messages_come_in_order_and_are_handed_over_in_batches(broker, protocol):
    reader = await Reader(source_for(broker, protocol)).connected()
    await publish(broker.port, numbered(0, 2000))
    await eventually(lambda: len(reader.payloads) == 2000)
    assert [b"%d" % i for i in range(2000)] == reader.payloads
    if protocol == "5":  # paho reads one message at a time
        assert len(reader.batches) < 1000
    assert reader.source.status.unacknowledged == 0
    await reader.close()


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_what_was_not_acknowledged_comes_again_after_a_crash(broker, protocol):
    first = await Reader(source_for(broker, protocol), acknowledge=False).connected()
    await publish(broker.port, numbered(0, 300))
    await eventually(lambda: len(first.payloads) == 300)
    await first.crash()
    second = await Reader(source_for(broker, protocol)).connected()
    await eventually(lambda: len(second.payloads) == 300)
    assert first.payloads == second.payloads
    await second.close()


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_what_was_acknowledged_never_comes_again(broker, protocol):
    first = await Reader(source_for(broker, protocol)).connected()
    await publish(broker.port, numbered(0, 300))
    await eventually(lambda: len(first.payloads) == 300)
    await first.close()
    assert first.source.status.trouble is None
    await publish(broker.port, numbered(300, 310))
    second = await Reader(source_for(broker, protocol)).connected()
    await eventually(lambda: len(second.payloads) >= 10)
    assert [b"%d" % i for i in range(300, 310)] == second.payloads
    await second.close()


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_broker_that_reads_slowly_has_the_last_acknowledgements_before_the_next_start(
    tmp_path, protocol
):
    with Mosquitto(tmp_path / "broker", extra=["max_inflight_messages 4000"]) as broker:
        first = await Reader(source_for(broker, protocol), acknowledge=False).connected()
        await publish(broker.port, numbered(0, 3000))
        await eventually(lambda: len(first.payloads) == 3000)
        for batch in first.batches:
            batch.ack()
        await first.close()
        second = await Reader(source_for(broker, protocol)).connected()
        await publish(broker.port, numbered(3000, 3010))
        await eventually(lambda: len(second.payloads) >= 10)
        assert [b"%d" % i for i in range(3000, 3010)] == second.payloads
        await second.close()


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_batch_of_the_old_connection_is_never_acknowledged_on_the_new_one(broker, protocol):
    reader = await Reader(source_for(broker, protocol), acknowledge=False).connected()
    await publish(broker.port, numbered(0, 5))
    await eventually(lambda: len(reader.payloads) == 5)
    old = list(reader.batches)
    if protocol == "5":
        reader.source._connection.transport.abort()
    else:
        reader.source._client._client._sock.shutdown(socket.SHUT_RDWR)
    await eventually(lambda: reader.source.status.connections == 2)
    await eventually(lambda: len(reader.payloads) == 10)
    for batch in old:
        batch.ack()
    await reader.crash()
    third = await Reader(source_for(broker, protocol)).connected()
    await eventually(lambda: len(third.payloads) == 5)
    await third.close()


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_broker_restart_loses_nothing(tmp_path, protocol):
    with Mosquitto(tmp_path / "broker", persistent=True) as broker:
        reader = await Reader(source_for(broker, protocol)).connected()
        await publish(broker.port, numbered(0, 100))
        await eventually(lambda: len(reader.payloads) == 100)
        broker.stop()
        await eventually(lambda: reader.source.status.trouble is not None)
        assert not reader.source.status.connected
        broker.start()
        await publish(broker.port, numbered(100, 200))
        await eventually(lambda: len(set(reader.payloads)) == 200)
        await eventually(lambda: reader.source.status.connected)
        assert reader.source.status.trouble is None
        await reader.close()


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_wrong_password_is_called_a_wrong_password(tmp_path, protocol):
    with Mosquitto(tmp_path / "broker", users={"works": "right"}) as broker:
        wrong = Reader(source_for(broker, protocol, username="works", password=SecretStr("wrong")))
        await eventually(lambda: wrong.source.status.trouble is not None)
        trouble = wrong.source.status.trouble
        assert trouble.reason in ("bad_password", "login_refused")
        assert "password" in trouble.sentence("en")
        assert "wrong" not in trouble.sentence("en").replace("is wrong", "")
        await wrong.close()
        right = Reader(source_for(broker, protocol, username="works", password=SecretStr("right")))
        await right.connected()
        await right.close()


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_no_broker_is_called_no_broker(protocol):
    settings = SourceSettings(url=f"mqtt://127.0.0.1:{free_port()}", protocol=protocol)
    reader = Reader((Mqtt5Source if protocol == "5" else Mqtt311Source)(settings, now, "en"))
    await eventually(lambda: reader.source.status.trouble is not None)
    assert reader.source.status.trouble.reason == "unreachable"
    await reader.close()


async def test_a_session_that_another_takes_over_is_named(broker):
    first = await Reader(source_for(broker)).connected()
    second = await Reader(source_for(broker)).connected()
    troubles = {}

    def seen():
        for reader in (first, second):
            if reader.source.status.trouble is not None:
                troubles[reader.source.status.trouble.reason] = reader.source.status.trouble
        return troubles.keys() & {"taken_over", "often_lost"}

    await eventually(seen, every_s=0.001, within_s=20)
    assert all("client_id" in troubles[reason].sentence("en") for reason in seen())
    await asyncio.gather(first.close(), second.close())


async def test_two_services_of_a_group_share_the_stream(broker):
    one = await Reader(source_for(broker, client_id="one", shared_group="g")).connected()
    two = await Reader(source_for(broker, client_id="two", shared_group="g")).connected()
    await publish(broker.port, numbered(0, 400))
    await eventually(lambda: len(one.payloads) + len(two.payloads) == 400)
    assert {b"%d" % i for i in range(400)} == {*one.payloads, *two.payloads}
    assert one.payloads
    assert two.payloads
    await asyncio.gather(one.close(), two.close())


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_qos_0_and_retained_messages_are_heard(broker, protocol):
    await publish(broker.port, [(TOPIC, b"kept")], retain=True)
    reader = await Reader(source_for(broker, protocol)).connected()
    await eventually(lambda: reader.payloads == [b"kept"])
    await publish(broker.port, [(TOPIC, b"once")], qos=mqtt5.QoS.AT_MOST_ONCE)
    await eventually(lambda: reader.payloads == [b"kept", b"once"])
    await reader.close()


async def test_reading_pauses_while_the_log_is_behind_and_goes_on_after(broker, monkeypatch):
    monkeypatch.setattr("ingest.mqtt5_source._PAUSE_UNACKED", 1000)
    reader = await Reader(source_for(broker), acknowledge=False).connected()
    await publish(broker.port, [(TOPIC, b"%06d" % i + b"x" * 2000) for i in range(20_000)])
    await eventually(lambda: reader.source._connection._paused)
    taken = len(reader.payloads)
    assert taken < 20_000
    reader.acknowledge = True
    for batch in list(reader.batches):
        batch.ack()
    await eventually(lambda: len(reader.payloads) == 20_000)
    await reader.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A certificate authority, a server's certificate for localhost and a client's."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt",
            "-days", 2, "-subj", "/CN=test ca", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", f"/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", 2, "-out", f"{name}.crt", "-extfile", "san")  # fmt: skip
    return folder


# paho leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("protocol", VERSIONS)
async def test_tls_with_client_certificate_is_spoken(tmp_path, certificates, protocol):
    tls = (certificates / "ca.crt", certificates / "server.crt", certificates / "server.key")
    with Mosquitto(tmp_path / "broker", tls=tls, require_client_certificate=True) as broker:
        known = await Reader(
            source_for(
                broker,
                protocol,
                ca_file=certificates / "ca.crt",
                cert_file=certificates / "client.crt",
                key_file=certificates / "client.key",
            )
        ).connected()
        await known.close()
        doubtful = Reader(source_for(broker, protocol))
        await eventually(lambda: doubtful.source.status.trouble is not None)
        assert doubtful.source.status.trouble.reason == "tls"
        await doubtful.close()


class MuteBroker:
    """Accepts an MQTT 5 client in good order and then says nothing more."""

    def __init__(self):
        self.connects = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"mqtt://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        self.connects += 1
        await reader.read(1000)
        writer.write(mqtt5.ConnAckPacket().write())
        await reader.read(1000)
        granted = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
        writer.write(mqtt5.SubAckPacket(1, [granted]).write())
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        writer.close()


async def test_a_broker_that_goes_mute_counts_as_dead():
    async with MuteBroker() as broker:
        reader = await Reader(source_for(broker, keep_alive_s=1)).connected()
        await eventually(lambda: reader.source.status.trouble is not None, within_s=5)
        assert reader.source.status.trouble.reason == "keep_alive"
        await eventually(lambda: broker.connects >= 2)
        await reader.close()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER, "taken_over"),
        (mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN, "busy"),
        (mqtt5.DisconnectReasonCode.NOT_AUTHORIZED, "not_authorised"),
    ],
)
async def test_the_reason_of_a_broker_that_ends_the_connection_is_told(code, reason):
    async def serve(reader, writer):
        await reader.read(1000)
        writer.write(mqtt5.ConnAckPacket().write())
        await reader.read(1000)
        granted = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
        writer.write(
            mqtt5.SubAckPacket(1, [granted] * 2).write() + mqtt5.DisconnectPacket(reason_code=code).write()
        )
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    settings = SourceSettings(url=f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}", topics=("a", "b"))
    reader = Reader(Mqtt5Source(settings, now, "en"))
    await eventually(lambda: reader.source.status.trouble is not None)
    assert reader.source.status.trouble.reason == reason
    await reader.close()
    server.close()


async def test_a_subscription_that_the_broker_refuses_is_named():
    async def serve(reader, writer):
        await reader.read(1000)
        writer.write(mqtt5.ConnAckPacket().write())
        await reader.read(1000)
        codes = [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE, mqtt5.SubAckReasonCode.NOT_AUTHORIZED]
        writer.write(mqtt5.SubAckPacket(1, codes).write())
        await reader.read(1000)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    settings = SourceSettings(
        url=f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}", topics=("a", "b/#")
    )
    reader = Reader(Mqtt5Source(settings, now, "en"))
    await reader.connected()
    assert reader.source.status.trouble.reason == "subscription_refused"
    assert "b/#" in reader.source.status.trouble.sentence("en")
    await reader.close()
    server.close()


async def test_something_that_is_no_broker_is_not_taken_for_one():
    async def chatter(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(chatter, "127.0.0.1", 0)
    settings = SourceSettings(url=f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    reader = Reader(Mqtt5Source(settings, now, "en"))
    await eventually(lambda: reader.source.status.trouble is not None)
    assert reader.source.status.trouble.reason in ("protocol_error", "lost")
    await reader.close()
    server.close()
