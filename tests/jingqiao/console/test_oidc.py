"""Logging in by an identity provider that is a real HTTP server and signs real tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from config.settings import OidcSettings
from jingqiao.accounts import accounts
from jingqiao.accounts.accounts import Actor
from jingqiao.accounts.oidc import OidcProvider
from jingqiao.accounts.role import Role
from tests.support.console import ConsoleOffice
from tests.support.http_fake import Answer, HttpFake, Request

KEY = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})


class Provider:
    """Answers as a provider does; `claims` and `key` of the next ID token can be changed."""

    def __init__(self) -> None:
        self.fake = HttpFake(self.answer)
        self.claims: dict[str, Any] = {}
        self.key = KEY
        self.now = 0
        self.forms: list[dict[str, str]] = []
        self.nonce = ""

    def answer(self, request: Request) -> Answer:
        url = self.fake.url
        if request.path == "/.well-known/openid-configuration":
            return Answer(
                body={
                    "issuer": url,
                    "authorization_endpoint": f"{url}/authorize",
                    "token_endpoint": f"{url}/token",
                    "jwks_uri": f"{url}/keys",
                }
            )
        if request.path == "/keys":
            return Answer(body=KeySet([KEY]).as_dict(private=False))
        assert request.path == "/token"
        self.forms.append(dict(parse_qsl(request.body.decode())))
        claims = {
            "iss": url,
            "sub": "0815",
            "aud": "jingqiao",
            "exp": self.now + 300,
            "nonce": self.nonce,
            "preferred_username": "Zhang",
            "name": "张三",
            **self.claims,
        }
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return Answer(body={"access_token": "x", "token_type": "Bearer", "id_token": token})


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    with made.fake:
        yield made


@pytest.fixture
def office(tmp_path: Path, provider: Provider) -> Iterator[ConsoleOffice]:
    made = ConsoleOffice(tmp_path)
    made.add_accounts()
    provider.now = made.door_clock.now() // 1_000_000
    use(made, provider)
    yield made
    made.close()


def use(office: ConsoleOffice, provider: Provider, **more: Any) -> None:
    settings = OidcSettings(issuer=provider.fake.url, client_id="jingqiao", **more)
    object.__setattr__(office.parts, "oidc", OidcProvider(settings))


def add_zhang(office: ConsoleOffice) -> None:
    actor = Actor("test", office.door_clock.now())
    accounts.add(office.database, actor, name="zhang", role=Role.DUTY, password=None)


async def through(client: httpx.AsyncClient, provider: Provider, **changed: str) -> httpx.Response:
    """Leave for the provider, be recognized there, come back."""
    left = await client.get("/login/oidc?next=/incidents")
    assert left.status_code == 303
    asked = {k: v[0] for k, v in parse_qs(urlsplit(left.headers["location"]).query).items()}
    assert asked["redirect_uri"] == "http://console.test/login/oidc/callback"
    assert asked["code_challenge_method"] == "S256"
    provider.nonce = provider.nonce or asked["nonce"]
    query = {"code": "c0de", "state": asked["state"]} | changed
    return await client.get("/login/oidc/callback", params=query)


async def test_whoever_the_provider_knows_comes_in_under_the_account_of_that_name(
    office: ConsoleOffice, provider: Provider
) -> None:
    add_zhang(office)
    async with office.client() as client:
        assert "用 OpenID Connect 登录" in (await client.get("/login")).text
        back = await through(client, provider)
        assert (back.status_code, back.headers["location"]) == (303, "/incidents")
        assert "值班员" in (await client.get("/")).text
    assert provider.forms[0]["code_verifier"]
    provider.nonce, provider.claims = "", {"preferred_username": "renamed"}
    async with office.client() as client:  # linked: the provider's subject counts, not the name
        assert (await through(client, provider)).headers["location"] == "/incidents"


async def test_without_an_account_nobody_comes_in_unless_the_settings_say_so(
    office: ConsoleOffice, provider: Provider
) -> None:
    async with office.client() as client:
        refused = await through(client, provider)
        assert refused.status_code == 403
        assert "Zhang" in refused.text
    use(office, provider, create_role="viewer")
    provider.nonce = ""
    async with office.client() as client:
        assert (await through(client, provider)).status_code == 303
    made = {item.name: item for item in accounts.listed(office.database)}["zhang"]
    assert (made.role, made.has_password, made.display_name) == (Role.VIEWER, False, "张三")


async def test_a_disabled_account_stays_out_and_a_linked_one_is_nobody_elses(
    office: ConsoleOffice, provider: Provider
) -> None:
    add_zhang(office)
    async with office.client() as client:
        assert (await through(client, provider)).status_code == 303
    provider.nonce, provider.claims = "", {"sub": "4711"}
    async with office.client() as client:
        assert (await through(client, provider)).status_code == 403
    actor = Actor("test", office.door_clock.now())
    accounts.change(office.database, actor, "zhang", disabled=True)
    provider.nonce, provider.claims = "", {}
    async with office.client() as client:
        assert (await through(client, provider)).status_code == 403


async def test_an_account_with_a_password_is_not_taken_over_by_its_name(
    office: ConsoleOffice, provider: Provider
) -> None:
    provider.claims = {"preferred_username": "admin"}
    async with office.client() as client:
        assert (await through(client, provider)).status_code == 403
        assert (await client.get("/")).status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://evil.test"},
        {"aud": "another-client"},
        {"aud": ["jingqiao", "other"]},
        {"exp": 1},
        {"nonce": "of another login"},
        {"preferred_username": ""},
    ],
)
async def test_a_token_that_is_not_for_this_login_lets_nobody_in(
    office: ConsoleOffice, provider: Provider, claims: dict[str, Any]
) -> None:
    add_zhang(office)
    provider.claims = claims
    async with office.client() as client:
        assert (await through(client, provider)).status_code == 502
        assert (await client.get("/")).status_code == 303


async def test_a_forged_signature_a_foreign_state_and_a_refusal_let_nobody_in(
    office: ConsoleOffice, provider: Provider
) -> None:
    add_zhang(office)
    async with office.client() as client:
        assert (await through(client, provider, state="guessed")).status_code == 502
        provider.key, provider.nonce = OTHER, ""
        assert (await through(client, provider)).status_code == 502
        assert (await client.get("/login/oidc/callback?code=x&state=y")).status_code == 502
        assert (await client.get("/")).status_code == 303
