"""The endpoint of CTWing's pushes: who may push, how much, and what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from config.settings import HttpSettings
from ingest.log import LogUnavailableError
from ingest.message import Message
from jingqiao.api.ctwing import MAX_BODY_BYTES, ctwing_routes
from jingqiao.clock import ManualClock
from jingqiao.intake import IntakeFullError

TOKEN = "中文-secret-of-16+"
BODY = b'{"deviceId": "d", "timestamp": 1, "payload": {}}'


class Taking:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.fails: Exception | None = None

    async def take(self, messages: Sequence[Message]) -> None:
        if self.fails is not None:
            raise self.fails
        self.messages += messages


class Endpoint:
    """The application without a network."""

    def __init__(self, token: str | None = None) -> None:
        self.intake = Taking()
        http = HttpSettings.model_validate({"ctwing_token": token})
        service: Any = SimpleNamespace(
            intake=self.intake, clock=ManualClock(77), settings=SimpleNamespace(http=http)
        )
        self._app = FastAPI()
        self._app.include_router(ctwing_routes(service))

    def post(self, body: bytes = BODY, **how: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            way = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=way, base_url="http://jingqiao") as client:
                return await client.post("/api/v1/ctwing", content=body, **how)

        return asyncio.run(ask())


def test_a_push_is_taken_and_confirmed() -> None:
    endpoint = Endpoint()
    answer = endpoint.post()
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "taken": 1})
    assert endpoint.intake.messages == [Message("ctwing/d", BODY, 77)]


def test_an_array_is_as_many_messages() -> None:
    endpoint = Endpoint()
    assert endpoint.post(b"[" + BODY + b"," + BODY.replace(b"1", b"2") + b"]").json()["taken"] == 2


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"params": {"token": TOKEN}}, 200),
        ({"headers": {"X-Token": "wrong"}, "params": {"token": TOKEN}}, 401),
        ({"params": {"token": TOKEN + "x"}}, 401),
        ({"params": {"token": ""}}, 401),
        ({}, 401),
    ],
)
def test_who_does_not_know_the_token_is_refused(how: dict[str, Any], status: int) -> None:
    endpoint = Endpoint(TOKEN)
    assert endpoint.post(**how).status_code == status
    assert len(endpoint.intake.messages) == (1 if status == 200 else 0)


def test_the_token_may_come_in_a_header() -> None:
    endpoint = Endpoint("only-ascii-in-a-header")
    assert endpoint.post(headers={"X-Token": "only-ascii-in-a-header"}).status_code == 200


def test_a_body_that_is_too_large_is_refused() -> None:
    endpoint = Endpoint()
    assert endpoint.post(b" " * MAX_BODY_BYTES).status_code == 200
    assert endpoint.post(b" " * (MAX_BODY_BYTES + 1)).status_code == 413


@pytest.mark.parametrize("trouble", [LogUnavailableError("disk full"), IntakeFullError()])
def test_what_is_not_durable_is_not_confirmed(trouble: Exception) -> None:
    endpoint = Endpoint()
    endpoint.intake.fails = trouble
    answer = endpoint.post()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "disk" not in answer.text


def test_the_token_is_never_shown() -> None:
    assert TOKEN not in repr(HttpSettings.model_validate({"ctwing_token": TOKEN}))
