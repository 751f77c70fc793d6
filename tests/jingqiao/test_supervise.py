"""One part that fails never takes the others along."""

import asyncio
import socket

import pytest

from config.settings import HttpSettings
from devices.frame import empty
from ingest.log import Control, Tick
from jingqiao.api.server import PortTakenError, listen
from jingqiao.runner import judge
from jingqiao.supervise import kept_going


async def test_a_loop_that_fails_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def no_wait(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", no_wait)
    runs = 0

    async def loop() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError("a defect")

    await kept_going("test", loop)
    assert (runs, pauses) == (3, [1.0, 1.0])


def test_a_record_that_cannot_be_judged_is_passed_over() -> None:
    class Broken:
        def apply(self, *_: object) -> list[object]:
            raise RuntimeError("a defect")

        tick = control = apply

        def snapshot(self) -> bytes:
            return b""

    for record in (empty(), Tick(1), Control("permit", {}, 1)):
        assert judge(Broken(), record, lambda control: None) == []  # type: ignore[arg-type]


def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"127\.0\.0\.1:{port}.*another port"):
            listen(HttpSettings(port=port))
