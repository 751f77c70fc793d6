"""The API's door: 401 without a good token, 403 without the scope, and each says what to do."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import Depends, FastAPI

from jingqiao.api.access import Access
from jingqiao.database import migrate, open_database, writing
from jingqiao.tokens.store import ApiToken, Scope, issue, revoke


class Door:
    """An application with one guarded route, and a clock that is told."""

    def __init__(self, folder: Path) -> None:
        self.now = 0
        self.database = open_database(f"sqlite:///{folder}/a.db")
        migrate(self.database)
        access = Access(self.database, lambda: self.now)
        app = FastAPI()

        @app.get("/cases")
        def cases(token: ApiToken = Depends(access.requires(Scope.CASES_READ))) -> dict[str, str]:  # noqa: B008
            return {"who": token.name}

        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://office")

    def token(self, scope: Scope) -> str:
        with writing(self.database) as connection:
            return issue(connection, name="platform", scopes=[scope], who="clerk", now=0, expires_at=9)[1]

    async def knock(self, authorization: str | None) -> tuple[int, str, str]:
        headers = {} if authorization is None else {"Authorization": authorization}
        answer = await self.client.get("/cases", headers=headers)
        return answer.status_code, answer.text, answer.headers.get("www-authenticate", "")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    opened = Door(tmp_path)
    yield opened
    await opened.client.aclose()
    opened.database.dispose()


async def test_a_token_with_the_scope_is_let_in(door: Door) -> None:
    token = door.token(Scope.CASES_READ)
    assert await door.knock(f"Bearer {token}") == (200, '{"who":"platform"}', "")
    assert (await door.knock(f"bearer  {token}"))[0] == 200


async def test_a_token_without_the_scope_is_told_which_one_it_lacks(door: Door) -> None:
    status, words, _ = await door.knock(f"Bearer {door.token(Scope.CAP_READ)}")
    assert (status, "lacks the scope cases:read" in words) == (403, True)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer jq_wrong", "Basic YTpi"])
async def test_whoever_brings_no_token_is_told_how_to_get_one(door: Door, authorization: str | None) -> None:
    status, words, challenge = await door.knock(authorization)
    assert (status, "jingqiao tokens add" in words, challenge.startswith("Bearer")) == (401, True, True)


async def test_a_revoked_and_an_ended_token_are_refused(door: Door) -> None:
    token = door.token(Scope.CASES_READ)
    door.now = 9
    assert (await door.knock(f"Bearer {token}"))[0] == 401
    door.now = 1
    with writing(door.database) as connection:
        revoke(connection, 1, "clerk", 1)
    assert (await door.knock(f"Bearer {token}"))[0] == 401
