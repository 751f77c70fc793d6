"""Admits whom the identity provider knows: by what was linked before, else by the account's name."""

from __future__ import annotations

import sqlalchemy as sa

from jingqiao.accounts import accounts, sessions
from jingqiao.accounts.accounts import AccountError, Actor, tidy
from jingqiao.accounts.oidc import Identity
from jingqiao.accounts.role import Role
from jingqiao.accounts.sessions import LoginRefusedError
from jingqiao.accounts.tables import account
from jingqiao.database import writing


def admit(
    database: sa.Engine, identity: Identity, *, create_role: Role | None, address: str, now: int
) -> str:
    """Begin a session and give its key.

    Who was linked before is found by issuer and subject, whatever the name is now. An account of that name
    without a password that nobody is linked to is linked at the first login; one with a password is never
    taken over by whoever has that name at the provider. Without one, an account with `create_role` is made.
    Raises LoginRefusedError: no account, none may be made, it is disabled or linked to somebody else.
    """
    with writing(database) as connection:
        known = (
            connection.execute(sa.select(account).where(account.c.external_id == identity.external_id))
            .mappings()
            .first()
        )
        if known is None:
            known = (
                connection.execute(sa.select(account).where(account.c.name == tidy(identity.name)))
                .mappings()
                .first()
            )
            if known is not None and (known["external_id"] or known["password_hash"]):
                raise LoginRefusedError
            if known is not None:
                connection.execute(
                    sa.update(account)
                    .where(account.c.name == known["name"])
                    .values(external_id=identity.external_id)
                )
        if known is not None:
            if known["disabled_at"] is not None:
                raise LoginRefusedError
            return sessions.begin(connection, known["name"], address, now)
    if create_role is None:
        raise LoginRefusedError
    try:
        made = accounts.add(
            database,
            Actor("oidc", now, address),
            name=identity.name,
            role=create_role,
            password=None,
            display_name=identity.display_name,
            external_id=identity.external_id,
        )
    except AccountError:
        raise LoginRefusedError from None
    with writing(database) as connection:
        return sessions.begin(connection, made.name, address, now)
