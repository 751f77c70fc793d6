"""How many messages a provider takes in a time, and when the next one may go: from the rows of the tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from jingqiao.notify.sender import NO_CONNECTION
from jingqiao.notify.tables import attempt


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` messages in any `window_s` seconds by one account (`channels.account_of`)."""

    count: int
    window_s: float


HELD = "held"
"""`attempt.outcome` of a try that was not made because the limit was reached."""


def used(connection: sa.Connection, account: str, limit: Limit, now: int) -> int:
    """How many messages count against a limit now."""
    query = sa.select(sa.func.count()).where(*_counting(account, now - round(limit.window_s * 1_000_000)))
    return int(connection.execute(query).scalar_one())


def free_at(connection: sa.Connection, account: str, limits: Sequence[Limit], now: int) -> int:
    """When the next message may go [µs since 1970 UTC]; `now` when it may go at once."""
    earliest = now
    for limit in limits:
        window_us = round(limit.window_s * 1_000_000)
        # The try that has to leave the window before there is room again.
        blocking = connection.execute(
            sa.select(attempt.c.started_at)
            .where(*_counting(account, now - window_us))
            .order_by(attempt.c.started_at.desc())
            .offset(limit.count - 1)
            .limit(1)
        ).scalar()
        if blocking is not None:
            earliest = max(earliest, blocking + window_us)
    return earliest


def _counting(account: str, since: int) -> tuple[sa.ColumnElement[bool], ...]:
    """The tries that a provider counts: not those that were never made."""
    return (
        attempt.c.account == account,
        attempt.c.started_at > since,
        sa.or_(attempt.c.outcome.is_(None), attempt.c.outcome != HELD),
        sa.or_(attempt.c.provider_code.is_(None), attempt.c.provider_code != NO_CONNECTION),
    )
