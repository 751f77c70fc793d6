"""The broker's files: a real Mosquitto lets a device speak for itself and for nobody else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jingqiao.dossier.entries import UnknownSensorError
from jingqiao.provisioning.mosquitto import (
    give_credential,
    hash_password,
    new_password,
    revoke_credential,
    write_files,
)
from tests.support.city import T0, small_city
from tests.support.eventually import eventually_now
from tests.support.mosquitto import Mosquitto


@pytest.fixture
def database(tmp_path):
    with small_city(tmp_path) as engine:
        yield engine


class Client:
    """A device or service at the broker, with what it heard and whether its publications were taken."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.published: list[bool] = []
        self.connected: bool | None = None
        self.granted: list[bool] = []
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set(user, password)
        client.on_connect = lambda c, u, f, reason, p: setattr(self, "connected", not reason.is_failure)
        client.on_message = lambda c, u, message: self.heard.append((message.topic, message.payload))
        client.on_publish = lambda c, u, mid, reason, p: self.published.append(not reason.is_failure)
        client.on_subscribe = lambda c, u, mid, reasons, p: self.granted.extend(
            not reason.is_failure for reason in reasons
        )
        client.connect("127.0.0.1", port)
        client.loop_start()
        self.client = client
        eventually_now(lambda: self.connected is not None)

    def publish(self, topic: str, payload: bytes = b"{}") -> bool:
        before = len(self.published)
        self.client.publish(topic, payload, qos=1)
        eventually_now(lambda: len(self.published) > before)
        return self.published[-1]

    def subscribe(self, topic: str) -> None:
        before = len(self.granted)
        self.client.subscribe(topic, qos=1)
        eventually_now(lambda: len(self.granted) > before)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.mosquitto
def test_a_device_that_publishes_as_another_is_refused(database, tmp_path):
    secret = give_credential(database, "s1", at=T0, who="li")
    give_credential(database, "g1", at=T0, who="li")
    files = tmp_path / "broker"
    count = write_files(
        database,
        files,
        service=("jingqiao", hash_password("service")),
        platforms={"chirpstack": hash_password("network")},
    )
    assert count == 2
    extra = [f"password_file {files}/passwords", f"acl_file {files}/acl"]
    with Mosquitto(tmp_path / "mosquitto", extra=["allow_anonymous false", *extra]) as broker:
        service = Client(broker.port, "jingqiao", "service")
        device = Client(broker.port, "s1", secret)
        platform = Client(broker.port, "chirpstack", "network")
        stranger = Client(broker.port, "s1", "guessed")
        listener = Client(broker.port, "s1", secret)
        try:
            assert (service.connected, device.connected, platform.connected) == (True, True, True)
            assert stranger.connected is False
            service.subscribe("jingqiao/v1/#")
            service.subscribe("application/#")
            assert device.publish("jingqiao/v1/s1/readings", b"mine")
            assert device.publish("jingqiao/v1/s1/strain", b"mine")
            assert device.publish("jingqiao/v1/s1/status", b"mine")
            assert not device.publish("jingqiao/v1/g1/readings", b"stolen")
            assert not device.publish("jingqiao/v1/s1/command", b"stolen")
            assert not device.publish("application/1/device/ff/event/up", b"stolen")
            assert platform.publish("application/1/device/ff/event/up", b"network")
            assert not platform.publish("jingqiao/v1/s1/readings", b"stolen")
            # Mosquitto drops whoever tries what it may not; a device that behaves hears its commands.
            listener.subscribe("jingqiao/v1/+/command")
            assert service.publish("jingqiao/v1/s1/command", b"for s1")
            assert service.publish("jingqiao/v1/g1/command", b"for g1")
            assert service.publish("application/1/device/ff/command/down", b"down")
            eventually_now(lambda: len(service.heard) >= 7 and len(listener.heard) >= 1)
            said = sorted({payload for _, payload in service.heard})
            assert said == [b"down", b"for g1", b"for s1", b"mine", b"network"]
            assert listener.heard == [("jingqiao/v1/s1/command", b"for s1")]
        finally:
            for client in (service, device, platform, stranger, listener):
                client.close()


@pytest.mark.mosquitto
def test_the_hash_is_the_one_that_mosquitto_passwd_makes(tmp_path):
    path = tmp_path / "passwords"
    path.write_text("device:a secret of 井盖\n", "utf-8")
    subprocess.run(["mosquitto_passwd", "-U", str(path)], check=True, capture_output=True)
    user, hashed = path.read_text().strip().split(":")
    _, scheme, iterations, salt, _ = hashed.split("$")
    import base64

    assert (user, scheme) == ("device", "7")
    assert hash_password("a secret of 井盖", base64.b64decode(salt), int(iterations)) == hashed


def test_a_revoked_account_is_no_longer_written(database, tmp_path):
    give_credential(database, "s1", at=T0, who="li")
    assert revoke_credential(database, "s1", at=T0 + 1)
    assert not revoke_credential(database, "s1", at=T0 + 2)
    assert write_files(database, tmp_path / "b", service=("jingqiao", "$7$")) == 0
    assert (tmp_path / "b" / "passwords").read_text() == "jingqiao:$7$\n"


def test_the_files_are_for_nobody_elses_eyes_and_keep_a_mode_that_was_set(database, tmp_path):
    folder = tmp_path / "b"
    write_files(database, folder, service=("jingqiao", "$7$"))
    assert (folder / "passwords").stat().st_mode & 0o777 == 0o600
    (folder / "passwords").chmod(0o640)
    write_files(database, folder, service=("jingqiao", "$7$"))
    assert (folder / "passwords").stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in Path(folder).iterdir()) == ["acl", "passwords"]


def test_a_device_cannot_take_the_services_name(database, tmp_path):
    give_credential(database, "s1", at=T0, who="li")
    with pytest.raises(ValueError, match="s1"):
        write_files(database, tmp_path / "b", service=("s1", "$7$"))
    with pytest.raises(UnknownSensorError):
        give_credential(database, "nobody", at=T0, who="li")


def test_passwords_differ_and_can_be_typed():
    made = {new_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(p) >= 20 and ":" not in p and p.isascii() for p in made)
