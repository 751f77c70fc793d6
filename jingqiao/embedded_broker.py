"""The broker inside the demo and some tests: amqtt, in this process, on loopback, nothing to install.

It is for a few thousand messages a second and keeps nothing on disk. In service: Mosquitto ≥ 2 or EMQX.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from amqtt.broker import Broker


@asynccontextmanager
async def embedded_broker() -> AsyncIterator[int]:
    """Run a broker on a free port of 127.0.0.1 for as long as the block lasts; gives the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 64}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    try:
        yield port
    finally:
        await broker.shutdown()
