"""Logging in and staying in: rate-limited, server-side sessions whose keys only the browser has."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from jingqiao.accounts import audit
from jingqiao.accounts.accounts import Account, of_row, tidy
from jingqiao.accounts.passwords import fits, hashed, outdated
from jingqiao.accounts.tables import account, account_session, login_attempt
from jingqiao.database import reading, writing

WINDOW_US: Final = 15 * 60 * 1_000_000
"""Over how long failed attempts are counted [µs]."""
MOST_BY_PAIR: Final = 5
"""Failures of one account from one address in the window."""
MOST_BY_ACCOUNT: Final = 20
"""Of one account from everywhere; well above the pair's: a stranger cannot easily lock a person out."""
MOST_BY_ADDRESS: Final = 30
LONGEST_US: Final = 7 * 86_400_000_000
"""A session ends after so long in any case [µs]."""
_TOUCH_US: Final = 60 * 1_000_000


class LoginRefusedError(Exception):
    """Name or password is wrong, or the account is disabled: which of them is not said."""


class TooManyAttemptsError(Exception):
    """Too many failures lately; try again after `wait_s` seconds."""

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"try again in {wait_s} s")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is in. csrf : what posts of this session must bring along."""

    account: Account
    csrf: str


def log_in(database: sa.Engine, name: str, password: str, address: str, now: int) -> str:
    """Begin a session and give its key. Raises LoginRefusedError and TooManyAttemptsError."""
    name = tidy(name)[:64]
    address = address[:64]
    password_hash = confirm(database, name, password, address, now, action="login.refused")
    with writing(database) as connection:
        if outdated(password_hash):
            values = {"password_hash": hashed(password, name)}
            connection.execute(sa.update(account).where(account.c.name == name).values(**values))
        mine = sa.and_(login_attempt.c.account == name, login_attempt.c.address == address)
        connection.execute(sa.delete(login_attempt).where(sa.or_(mine, login_attempt.c.at < now - WINDOW_US)))
        return begin(connection, name, address, now)


def confirm(database: sa.Engine, name: str, password: str, address: str, now: int, *, action: str) -> str:
    """Whether this is the account's password; gives its hash.

    Failures count together, wherever the password was asked for. action : what the audit log calls one.
    Raises LoginRefusedError and TooManyAttemptsError.
    """
    with reading(database) as connection:
        _hold(connection, name, address, now)
        row = connection.execute(sa.select(account).where(account.c.name == name)).mappings().first()
    password_hash = None if row is None else row["password_hash"]
    # Outside of any transaction: it takes a while, on purpose.
    if not fits(password_hash, password) or row is None or row["disabled_at"] is not None:
        with writing(database) as connection:
            _hold(connection, name, address, now)
            connection.execute(sa.insert(login_attempt).values(at=now, account=name, address=address))
            audit.note(connection, at=now, who=name, action=action, address=address)
        raise LoginRefusedError
    return str(password_hash)


def begin(connection: sa.Connection, name: str, address: str, now: int) -> str:
    """Begin a session of somebody who has shown who he is; give its key."""
    key = secrets.token_urlsafe(32)
    connection.execute(sa.delete(account_session).where(account_session.c.created_at < now - LONGEST_US))
    connection.execute(
        sa.insert(account_session).values(
            key_hash=_hash(key), account=name, created_at=now, seen_at=now, address=address[:64]
        )
    )
    connection.execute(sa.update(account).where(account.c.name == name).values(last_login_at=now))
    audit.note(connection, at=now, who=name, action="login", address=address)
    return key


def session_of(database: sa.Engine, key: str, now: int, idle_us: int) -> Session | None:
    """The session behind a cookie's key, its last use noted; None where it is none or over."""
    query = (
        sa.select(account, account_session.c.seen_at, account_session.c.created_at.label("begun_at"))
        .join(account_session, account_session.c.account == account.c.name)
        .where(account_session.c.key_hash == _hash(key))
    )
    with reading(database) as connection:
        row = connection.execute(query).mappings().first()
    if row is None or row["disabled_at"] is not None:
        return None
    if now - row["seen_at"] > idle_us or now - row["begun_at"] > LONGEST_US:
        return None
    if now - row["seen_at"] > _TOUCH_US:
        with writing(database) as connection:
            connection.execute(
                sa.update(account_session).where(account_session.c.key_hash == _hash(key)).values(seen_at=now)
            )
    return Session(of_row(dict(row)), csrf_of(key))


def log_out(database: sa.Engine, key: str, who: str, address: str, now: int) -> None:
    """End a session."""
    with writing(database) as connection:
        connection.execute(sa.delete(account_session).where(account_session.c.key_hash == _hash(key)))
        audit.note(connection, at=now, who=who, action="logout", address=address)


def csrf_of(key: str) -> str:
    """What posts of a session bring along: only a page of ours can know it."""
    return hmac.new(key.encode(), b"csrf", hashlib.sha256).hexdigest()


def _hold(connection: sa.Connection, name: str, address: str, now: int) -> None:
    since = now - WINDOW_US
    by_account = login_attempt.c.account == name
    by_address = login_attempt.c.address == address
    for limit, condition in (
        (MOST_BY_PAIR, sa.and_(by_account, by_address)),
        (MOST_BY_ACCOUNT, by_account),
        (MOST_BY_ADDRESS, by_address),
    ):
        times = connection.execute(
            sa.select(login_attempt.c.at)
            .where(condition, login_attempt.c.at > since)
            .order_by(login_attempt.c.at.desc())
            .limit(limit)
        ).scalars()
        found = list(times)
        if len(found) >= limit:
            raise TooManyAttemptsError(max(1, round((found[-1] - since) / 1e6)))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
