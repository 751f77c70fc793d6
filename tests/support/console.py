"""The console around a duty office in a test: an account of each role, requests, a real server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import FastAPI

from config.settings import Settings
from jingqiao.accounts import accounts
from jingqiao.accounts.accounts import Actor
from jingqiao.accounts.passwords import hashed
from jingqiao.accounts.role import Role
from jingqiao.accounts.tables import account
from jingqiao.api.server import HttpServer, listen
from jingqiao.clock import ManualClock
from jingqiao.console.changes import Changes
from jingqiao.console.parts import Parts
from jingqiao.console.site import add_console
from jingqiao.database import writing
from jingqiao.roster.current import current_roster
from tests.support.response import REGISTRY, ROSTER, Office, at

PASSWORD = "well-covered-42"
WITH_LIMITS = ROSTER.replace("limits = [{ within = 0 }]", "")
PEOPLE = {"viewer": None, "duty": "zhang", "supervisor": "li", "admin": None}
"""Account → person of the roster; the account's name is its role."""


class ConsoleOffice(Office):
    """A duty office with a console. problems : what its health shows; applied_at : when rules last judged."""

    def __init__(self, folder: Path, **more: Any) -> None:
        super().__init__(folder, **more)
        self.problems: tuple[str, ...] = ()
        self.applied_at = at("03:00:00")
        self.door_clock = ManualClock(at("03:00:00"))
        self.settings = Settings(data_dir=folder)
        self.parts = Parts(
            settings=self.settings,
            database=self.database,
            registry=lambda: REGISTRY,
            roster=lambda: current_roster(self.database, self.roster, self.clock.now()),
            clock=self.clock,
            announcer=self.planner,
            wake=self.dispatcher.wake,
            archive=None,
            applied_at=lambda: self.applied_at,
            problems=lambda: self.problems,
            changes=Changes(self.database),
            roster_changed=lambda: None,
            door_clock=self.door_clock,
        )
        self.app = FastAPI()
        add_console(self.app, self.parts)

    def add_accounts(self) -> None:
        """One account of each role."""
        add_accounts(self.database, self.door_clock.now())

    def client(self, address: str = "192.0.2.1") -> httpx.AsyncClient:
        """A browser without script: keeps cookies, follows nothing."""
        transport = httpx.ASGITransport(self.app, client=(address, 40000))
        return httpx.AsyncClient(transport=transport, base_url="http://console.test")

    @asynccontextmanager
    async def logged_in(self, name: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser of somebody; posts of it carry the CSRF token."""
        async with self.client() as client:
            answer = await client.post("/login", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            client.headers["X-CSRF-Token"] = csrf_in((await client.get("/")).text)
            yield client

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """A real server for a real browser; gives its address."""
        http = self.settings.http.model_copy(update={"port": 0})
        listening = listen(http)
        server = HttpServer.of(self.app, http)
        tasks = [
            asyncio.create_task(server.serve([listening])),
            asyncio.create_task(self.parts.changes.run()),
        ]
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            self.parts.changes.close()
            server.should_exit = True
            await asyncio.gather(*tasks)


def add_accounts(database: sa.Engine, now: int) -> None:
    """One account of each role; its name is the role, its password `PASSWORD`."""
    for name, person in PEOPLE.items():
        accounts.add(
            database,
            Actor("test", now),
            name=name,
            role=Role(name),
            password=None,
            display_name=name.title(),
            person=person,
        )
    with writing(database) as connection:
        connection.execute(sa.update(account).values(password_hash=_kept()))


@cache
def _kept() -> str:
    """The hash of `PASSWORD`, made once: it takes a while, on purpose."""
    return hashed(PASSWORD, "")


def csrf_in(page: str) -> str:
    """The token that a page carries."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found is not None, page[:2000]
    return found.group(1)
