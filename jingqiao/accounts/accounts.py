"""Accounts: add, change, disable; each change with its row in the audit log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from config.messages import text
from jingqiao.accounts import audit
from jingqiao.accounts.passwords import hashed
from jingqiao.accounts.role import Role
from jingqiao.accounts.tables import account, account_session
from jingqiao.database import reading, writing

_NAME: Final = re.compile(r"[^\W_][\w.@-]{0,63}")


class AccountError(ValueError):
    """Nothing was changed. key : str  Sentence of `accounts.fault`; `values` fill it."""

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = f"accounts.fault.{key}", values
        super().__init__(text(self.key, "en", **values))


@dataclass(frozen=True, slots=True)
class Account:
    """One account, without its password. Times in µs since 1970 UTC.

    person : str | None  The same human in the roster.
    """

    name: str
    display_name: str
    role: Role
    person: str | None
    created_at: int
    disabled_at: int | None
    last_login_at: int | None
    has_password: bool
    external_id: str | None

    @property
    def who(self) -> str:
        """How acts are signed: the roster's id where there is one, so that messages know who answered."""
        return self.person or self.name


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes accounts, for the audit log."""

    who: str
    at: int
    address: str = ""


def tidy(name: str) -> str:
    """The form in which names are kept and compared."""
    return name.strip().casefold()


def find(connection: sa.Connection, name: str) -> Account | None:
    """One account."""
    row = connection.execute(sa.select(account).where(account.c.name == tidy(name))).mappings().first()
    return None if row is None else of_row(dict(row))


def listed(database: sa.Engine) -> Sequence[Account]:
    """All accounts, by name."""
    with reading(database) as connection:
        rows = connection.execute(sa.select(account).order_by(account.c.name)).mappings()
        return [of_row(dict(row)) for row in rows]


def add(
    database: sa.Engine,
    actor: Actor,
    *,
    name: str,
    role: Role,
    password: str | None,
    display_name: str = "",
    person: str | None = None,
    external_id: str | None = None,
) -> Account:
    """Make an account. Raises AccountError and WeakPasswordError."""
    name = tidy(name)
    if not _NAME.fullmatch(name):
        raise AccountError("name", name=name)
    password_hash = None if password is None else hashed(password, name)
    with writing(database) as connection:
        if find(connection, name) is not None:
            raise AccountError("taken", name=name)
        connection.execute(
            sa.insert(account).values(
                name=name,
                display_name=display_name.strip() or name,
                role=role.value,
                person=person or None,
                password_hash=password_hash,
                external_id=external_id,
                created_at=actor.at,
            )
        )
        _note(connection, actor, "account.add", name, role=role.value, person=person or "")
        made = find(connection, name)
    assert made is not None
    return made


def change(
    database: sa.Engine,
    actor: Actor,
    name: str,
    *,
    role: Role | None = None,
    display_name: str | None = None,
    person: str | None = None,
    disabled: bool | None = None,
    password: str | None = None,
) -> Account:
    """Change what is named; None = leave it, person "" = nobody. Whoever loses rights is logged out.

    Raises AccountError (unknown; the last administrator) and WeakPasswordError.
    """
    name = tidy(name)
    password_hash = None if password is None else hashed(password, name)
    with writing(database) as connection:
        before = find(connection, name)
        if before is None:
            raise AccountError("unknown", name=name)
        values: dict[str, Any] = {}
        if role is not None and role is not before.role:
            values["role"] = role.value
        if display_name is not None and display_name.strip() and display_name.strip() != before.display_name:
            values["display_name"] = display_name.strip()
        if person is not None and (person or None) != before.person:
            values["person"] = person or None
        if disabled is not None and disabled != (before.disabled_at is not None):
            values["disabled_at"] = actor.at if disabled else None
        said = {key: value for key, value in values.items() if key != "disabled_at"}
        if "disabled_at" in values:
            said["disabled"] = disabled
        if password_hash is not None:
            values["password_hash"] = password_hash
            said["new_password"] = True
        if not values:
            return before
        connection.execute(sa.update(account).where(account.c.name == name).values(**values))
        if {"role", "disabled_at"} & set(values) and not _admin_left(connection):
            raise AccountError("last_admin", name=name)
        if {"role", "disabled_at", "password_hash"} & set(values):
            connection.execute(sa.delete(account_session).where(account_session.c.account == name))
        _note(connection, actor, "account.change", name, **said)
        after = find(connection, name)
    assert after is not None
    return after


def of_row(row: dict[str, Any]) -> Account:
    """An account from its row."""
    return Account(
        name=row["name"],
        display_name=row["display_name"],
        role=Role(row["role"]),
        person=row["person"],
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        last_login_at=row["last_login_at"],
        has_password=row["password_hash"] is not None,
        external_id=row["external_id"],
    )


def _admin_left(connection: sa.Connection) -> bool:
    query = sa.select(account.c.name).where(
        account.c.role == Role.ADMIN.value, account.c.disabled_at.is_(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def _note(connection: sa.Connection, actor: Actor, action: str, name: str, **details: Any) -> None:
    audit.note(
        connection,
        at=actor.at,
        who=actor.who,
        action=action,
        subject=f"account:{name}",
        address=actor.address,
        details=details,
    )
