"""Issues, admits and revokes API tokens.

A token is 256 random bits, so one SHA-256 of it is safe to keep: nobody can try them all.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from jingqiao.database import reading, writing
from jingqiao.tokens.tables import api_token

PREFIX: Final = "jq_"
"""What every token begins with: whoever finds one knows what it opens, and scanners for secrets find it."""
SEEN_EVERY_US: Final = 60 * 1_000_000
"""How often the last use is written down [µs]: reading must not cost a commit each time."""


class Scope(StrEnum):
    """What a token may do."""

    INCIDENTS_READ = "incidents:read"
    INCIDENTS_WRITE = "incidents:write"
    INCIDENTS_JUDGE = "incidents:judge"
    ASSETS_READ = "assets:read"
    ASSETS_WRITE = "assets:write"
    READINGS_READ = "readings:read"
    RULES_WRITE = "rules:write"
    ROSTER_READ = "roster:read"
    ROSTER_WRITE = "roster:write"
    MESSAGES_READ = "messages:read"
    CAP_READ = "cap:read"
    CASES_READ = "cases:read"
    ACCOUNTS_WRITE = "accounts:write"
    AUDIT_READ = "audit:read"
    METRICS_READ = "metrics:read"


class RefusedError(PermissionError):
    """A token that opens nothing here; the sentence says why, for whoever runs the other system."""


class UnknownTokenError(RefusedError):
    """There is no token, or it is none of ours, over, or revoked: HTTP 401."""


class ScopeMissingError(RefusedError):
    """The token is good but not for this: HTTP 403."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token without its secret. Times [µs since 1970 UTC]; `expires_at` None = it never ends by itself."""

    id: int
    name: str
    scopes: frozenset[Scope]
    created_at: int
    created_by: str
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None
    revoked_by: str | None

    def good_at(self, now: int) -> bool:
        """Whether it opens anything at that time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def issue(
    connection: sa.Connection,
    *,
    name: str,
    scopes: Collection[Scope],
    who: str,
    now: int,
    expires_at: int | None = None,
) -> tuple[int, str]:
    """Make a token: (its number, the token itself, which is shown once and kept nowhere).

    Raises ValueError without a scope, or for an end that lies before now.
    """
    if not scopes:
        raise ValueError("a token without a scope opens nothing")
    if expires_at is not None and expires_at <= now:
        raise ValueError("its end lies before now")
    secret = PREFIX + secrets.token_urlsafe(32)
    query = sa.insert(api_token).values(
        name=name,
        token_sha256=_hashed(secret),
        scopes=sorted(scope.value for scope in scopes),
        created_at=now,
        created_by=who,
        expires_at=expires_at,
    )
    number = connection.execute(query.returning(api_token.c.id)).scalar_one()
    return int(number), secret


def admit(database: sa.Engine, secret: str, needed: Collection[Scope], now: int) -> ApiToken:
    """The token behind a secret, when it may do all that is needed; its use is written down.

    Raises UnknownTokenError (also for one that is over or revoked) and ScopeMissingError.
    """
    with reading(database) as connection:
        query = sa.select(api_token).where(api_token.c.token_sha256 == _hashed(secret))
        row = connection.execute(query).mappings().first()
    if row is None:
        raise UnknownTokenError("no such token")
    token = _token(row)
    if not token.good_at(now):
        raise UnknownTokenError(f"token {token.id} ({token.name}) is over or was revoked")
    missing = sorted(set(needed) - token.scopes)
    if missing:
        raise ScopeMissingError(f"token {token.id} ({token.name}) lacks the scope {', '.join(missing)}")
    if token.last_used_at is None or now - token.last_used_at >= SEEN_EVERY_US:
        with writing(database) as connection:
            used = sa.update(api_token).where(api_token.c.id == token.id).values(last_used_at=now)
            connection.execute(used)
    return token


def revoke(connection: sa.Connection, number: int, who: str, now: int) -> bool:
    """End a token now; False when there is none of that number that could be ended."""
    query = sa.update(api_token).where(api_token.c.id == number, api_token.c.revoked_at.is_(None))
    return connection.execute(query.values(revoked_at=now, revoked_by=who)).rowcount == 1


def tokens(connection: sa.Connection) -> Sequence[ApiToken]:
    """All tokens, also those that are over, oldest first."""
    query = sa.select(api_token).order_by(api_token.c.id)
    return [_token(row) for row in connection.execute(query).mappings()]


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Mapping[str, Any] | sa.RowMapping) -> ApiToken:
    # A scope that this version does not know opens nothing.
    known = frozenset(Scope(name) for name in row["scopes"] if name in set(Scope))
    plain = {name: row[name] for name in ApiToken.__slots__ if name != "scopes"}
    return ApiToken(scopes=known, **plain)
