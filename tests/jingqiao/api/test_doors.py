"""Every route of the whole service asks who is there, but for those named here; no body fills the memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from config.settings import HttpSettings, Settings
from jingqiao.api.app import create_app
from jingqiao.api.body_limit import MOST_BYTES
from jingqiao.clock import ManualClock
from jingqiao.database import writing
from jingqiao.service import Service
from jingqiao.tokens.store import Scope, issue
from tests.support.console import PASSWORD, add_accounts, csrf_in
from tests.support.response import ROSTER, Phones, at

ANYBODY = {
    "GET /login",
    "POST /login",
    "GET /login/oidc",
    "GET /login/oidc/callback",
    "POST /preferences",
    "GET /static/{build}/{name:path}",
    "GET /openapi.json",
    "GET /healthz",  # tells others `ok` alone
    "GET /metrics",  # 401 for other machines
    "GET /a/{token}",  # signed
    "POST /a/{token}",
    "POST /api/v1/ctwing",  # has a secret of its own
    "POST /hooks/{shown}/aliyun/report",  # so have these
    "POST /hooks/{shown}/aliyun/up",
    "POST /hooks/{shown}/aliyun/voice",
    "POST /hooks/{shown}/tencent/report",
    "POST /hooks/{shown}/tencent/reply",
}
"""Routes that ask for no login. A line here needs a reason."""
VIEWERS = {"POST /logout", "POST /password"}
"""What a viewer may send: only what concerns himself."""
SAFE = {"GET", "HEAD", "OPTIONS"}
ELSEWHERE = ("192.0.2.7", 40000)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    (tmp_path / "roster.toml").write_text(ROSTER, "utf-8")
    clock = ManualClock(at("03:00:00"))
    http = HttpSettings(callback_secret="0123456789abcdef0123", ctwing_token="0123456789abcdef")
    made = Service(
        Settings(data_dir=tmp_path / "d", roster=tmp_path / "roster.toml", http=http), clock, Phones(clock)
    )
    add_accounts(made.database, clock.now())
    yield made
    await made.close()


def browser(service: Service, client: tuple[str, int] = ELSEWHERE) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(service), client=client)
    return httpx.AsyncClient(transport=transport, base_url="http://office")


def routes_in(found: Iterable[BaseRoute]) -> Iterator[Route | APIRoute]:
    """Also those of routers that were put in: newer FastAPIs keep these as they are."""
    for route in found:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes_in(inner.routes)
        else:
            assert isinstance(route, APIRoute | Route), route
            yield route


def doors(service: Service) -> Iterator[tuple[str, str, str]]:
    """(name, method, address that can be asked) of every route."""
    fillers = {"period": "daily", "name": "blind"}
    for route in routes_in(create_app(service).routes):
        path = re.sub(r"{(\w+)(:\w+)?}", lambda found: fillers.get(found[1], "1"), route.path)
        for method in route.methods or ():
            if method not in ("HEAD", "OPTIONS"):
                yield f"{method} {route.path}", method, path


async def entered(client: httpx.AsyncClient, name: str) -> str:
    """Log in; give the CSRF token."""
    answer = await client.post("/login", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 303
    return csrf_in((await client.get("/")).text)


async def test_nobody_gets_anything_without_a_login_but_what_is_for_anybody(service: Service) -> None:
    seen, open_ = set(), {}
    async with browser(service) as client:
        for name, method, path in doors(service):
            seen.add(name)
            if name in ANYBODY:
                continue
            answer = await client.request(method, path)
            to_login = answer.status_code == 303 and answer.headers["location"].startswith("/login")
            if answer.status_code not in (401, 403) and not to_login:
                open_[name] = answer.status_code
    assert open_ == {}
    assert seen > ANYBODY
    assert len(seen) > 80


async def test_a_viewer_changes_nothing_by_any_route(service: Service) -> None:
    let_in = {}
    async with browser(service) as client:
        client.headers["X-CSRF-Token"] = await entered(client, "viewer")
        for name, method, path in doors(service):
            if method in SAFE or name in ANYBODY | VIEWERS:
                continue
            answer = await client.request(method, path)
            if answer.status_code not in (401, 403):
                let_in[name] = answer.status_code
    assert let_in == {}


async def test_nothing_is_changed_by_a_post_that_no_page_of_ours_sent(service: Service) -> None:
    let_in = {}
    async with browser(service) as client:
        await entered(client, "admin")
        for name, method, path in doors(service):
            if method in SAFE or name in ANYBODY:
                continue
            for headers in ({}, {"X-CSRF-Token": "0" * 64}):
                answer = await client.request(method, path, headers=headers)
                if answer.status_code not in (401, 403):
                    let_in[name] = answer.status_code
        assert (await client.get("/accounts")).status_code == 200
    assert let_in == {}


async def test_a_secret_of_its_own_is_asked_for_where_no_login_is(service: Service) -> None:
    async with browser(service) as client:
        for name, method, path in doors(service):
            if name.startswith("POST /hooks/") or name == "POST /api/v1/ctwing":
                answer = await client.request(method, path, content=b"{}")
                assert answer.status_code in (401, 403, 404), name


async def test_other_machines_learn_of_the_service_only_whether_it_is_well(service: Service) -> None:
    with writing(service.database) as connection:
        token, other = (
            issue(connection, name=scope, scopes=[scope], who="clerk", now=0)[1]
            for scope in (Scope.METRICS_READ, Scope.CAP_READ)
        )
    async with browser(service) as outside, browser(service, ("127.0.0.1", 40000)) as inside:
        assert set((await outside.get("/healthz")).json()) == {"ok"}
        assert (await outside.get("/metrics")).status_code == 401
        wrong = {"Authorization": f"Bearer {other}"}
        assert (await outside.get("/metrics", headers=wrong)).status_code == 403
        bearer = {"Authorization": f"Bearer {token}"}
        assert "jingqiao_sensors" in (await outside.get("/metrics", headers=bearer)).text
        assert "problems" in (await outside.get("/healthz", headers=bearer)).json()
        assert "problems" in (await inside.get("/healthz")).json()
        assert "jingqiao_sensors" in (await inside.get("/metrics")).text
        await entered(outside, "viewer")
        assert "problems" in (await outside.get("/healthz")).json()


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/login", "application/x-www-form-urlencoded"),
        ("/incidents/1/act", "application/x-www-form-urlencoded"),
        ("/rules/draft", "application/x-www-form-urlencoded"),
        ("/api/v1/incidents/1/acts", "application/json"),
        ("/api/v1/ctwing?token=0123456789abcdef", "application/json"),
    ],
)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "streamed"])
async def test_a_body_that_is_too_long_is_refused_before_it_fills_the_memory(
    service: Service, path: str, media_type: str, declared: bool
) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 65_536
            yield b"a" * 65_536

    headers = {"Content-Type": media_type}
    if declared:
        headers["Content-Length"] = str(1000 * 65_536)
    async with browser(service) as client:
        more: dict[str, Any] = {"X-CSRF-Token": await entered(client, "admin")}
        answer = await client.post(path, content=endless(), headers=headers | more)
    assert answer.status_code in (413, 400)  # Starlette ends forms on its own, with 400
    assert taken <= MOST_BYTES + 65_536 * 2
