"""Hears what a broker passes on, as a device or a network server does; for tests without an event loop."""

from __future__ import annotations

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.eventually import eventually_now


class Listener:
    """`heard` grows with every (topic, payload) on the given filters; use as a context manager."""

    def __init__(
        self, port: int, *filters: str, username: str | None = None, password: str | None = None
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._granted = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = lambda c, u, message: self.heard.append((message.topic, message.payload))
        self._client.on_connect = lambda c, u, f, reason, p: c.subscribe([(topic, 1) for topic in filters])
        self._client.on_subscribe = lambda c, u, mid, reasons, p: setattr(self, "_granted", True)
        self._client.username_pw_set(username, password)
        self._client.connect("127.0.0.1", port)

    def wait_for(self, count: int) -> None:
        """Until so many were heard."""
        eventually_now(lambda: len(self.heard) >= count)

    def __enter__(self) -> Listener:
        self._client.loop_start()
        eventually_now(lambda: self._granted)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
