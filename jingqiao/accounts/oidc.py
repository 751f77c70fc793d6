"""Logging in by the office's own identity provider: OpenID Connect, authorization code with PKCE.

OpenID Connect Core 1.0, sections 3.1.2–3.1.3: what an ID token must fulfil; RFC 7636: PKCE.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from config.settings import OidcSettings

_TIMEOUT_S: Final = 10.0
_KEPT_S: Final = 600.0
_SKEW_S: Final = 60
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Asymmetric only: a token signed with the shared secret, or with nothing, proves nothing."""


class OidcError(Exception):
    """The provider did not say who this is; the sentence is for the log, not for whoever logs in."""


@dataclass(frozen=True, slots=True)
class Pending:
    """What the browser keeps between leaving for the provider and coming back."""

    state: str
    nonce: str
    verifier: str
    target: str

    def packed(self) -> str:
        """As a cookie's value."""
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()

    @classmethod
    def unpacked(cls, value: str) -> Pending:
        """The same again. Raises OidcError."""
        try:
            return cls(**{k: str(v) for k, v in json.loads(base64.urlsafe_b64decode(value)).items()})
        except (ValueError, TypeError, AttributeError):
            raise OidcError("the browser brought back something else than it was given") from None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider knows. external_id : issuer and subject, which never change."""

    external_id: str
    name: str
    display_name: str


class OidcProvider:
    """One provider; its description and keys are kept for ten minutes."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._kept: tuple[float, Mapping[str, Any], KeySet] | None = None

    def begin(self, redirect_uri: str, target: str) -> tuple[str, Pending]:
        """Where to send the browser, and what it keeps meanwhile. Raises OidcError."""
        pending = Pending(
            secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), target
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.settings.scope,
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        address = self._described()[0]["authorization_endpoint"]
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", pending

    def finish(self, query: Mapping[str, str], pending: Pending, redirect_uri: str, now: int) -> Identity:
        """Who came back. now : int  [µs since 1970 UTC]. Raises OidcError."""
        if not secrets.compare_digest(query.get("state", "").encode(), pending.state.encode()):
            raise OidcError("the answer belongs to another login")
        if "code" not in query:
            raise OidcError(f"the provider refused: {query.get('error', 'no code')[:80]}")
        form = {
            "grant_type": "authorization_code",
            "code": query["code"],
            "redirect_uri": redirect_uri,
            "client_id": self.settings.client_id,
            "code_verifier": pending.verifier,
        }
        secret = self.settings.client_secret
        if secret is not None:
            form["client_secret"] = secret.get_secret_value()
        answer = _json("POST", self._described()[0]["token_endpoint"], data=form)
        claims = self._claims(str(answer.get("id_token", "")), pending.nonce, now)
        name = str(claims.get(self.settings.name_claim) or "")
        if not name:
            raise OidcError(f"the ID token has no {self.settings.name_claim}")
        return Identity(f"{claims['iss']} {claims['sub']}", name, str(claims.get("name") or name))

    def _claims(self, token: str, nonce: str, now: int) -> Mapping[str, Any]:
        try:
            claims = jwt.decode(token, self._described()[1], list(ALGORITHMS)).claims
            jwt.JWTClaimsRegistry(
                now=now // 1_000_000,
                leeway=_SKEW_S,
                iss={"essential": True, "value": self.settings.issuer},
                aud={"essential": True, "value": self.settings.client_id},
                exp={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(claims)
        except (JoseError, ValueError) as error:
            raise OidcError(f"the ID token is not good: {error}") from None
        if isinstance(claims["aud"], list) and claims.get("azp") != self.settings.client_id:
            raise OidcError("the ID token was made for another client")
        return claims

    def _described(self) -> tuple[Mapping[str, Any], KeySet]:
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > _KEPT_S:
                address = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
                described = _json("GET", address)
                if described.get("issuer") != self.settings.issuer:
                    raise OidcError(f"{address} describes another issuer: {described.get('issuer')}")
                try:
                    keys = KeySet.import_key_set(_json("GET", described["jwks_uri"]))  # type: ignore[arg-type]
                except (JoseError, KeyError, ValueError) as error:
                    raise OidcError(f"the provider's keys cannot be read: {error}") from None
                self._kept = (time.monotonic(), described, keys)
            return self._kept[1], self._kept[2]


def _json(method: str, address: str, **more: Any) -> dict[str, Any]:
    try:
        answer = requests.request(method, address, timeout=_TIMEOUT_S, allow_redirects=False, **more)
        if answer.status_code != 200:
            raise OidcError(f"{address} answered {answer.status_code}")
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise OidcError(f"{address}: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise OidcError(f"{address} answered something else than an object")
    return found
