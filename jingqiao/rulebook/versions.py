"""Every text that the rules' file had: who put it there, when, and why."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from jingqiao.rulebook.tables import rules_version

BY_HAND: Final = "file"
"""`who` of a text that was found in the file: whoever wrote it did not come by the console."""


@dataclass(frozen=True, slots=True)
class Version:
    """at : int  [µs since 1970 UTC]. digest : twelve hex digits of the text."""

    id: int
    at: int
    who: str
    why: str
    text: str
    digest: str


def digest_of(text: str) -> str:
    """Twelve hex digits: the same text has the same ones."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def newest(connection: sa.Connection) -> Version | None:
    """The last text that was noted."""
    return next(iter(versions(connection, 1)), None)


def versions(connection: sa.Connection, limit: int) -> list[Version]:
    """The newest first."""
    query = sa.select(rules_version).order_by(rules_version.c.id.desc()).limit(limit)
    return [Version(**dict(row)) for row in connection.execute(query).mappings()]


def version(connection: sa.Connection, number: int) -> Version | None:
    """One of them."""
    row = connection.execute(sa.select(rules_version).where(rules_version.c.id == number)).mappings().first()
    return None if row is None else Version(**dict(row))


def note(connection: sa.Connection, text: str, *, at: int, who: str, why: str) -> None:
    """Write down a text; the one that is noted already is not noted again."""
    before = newest(connection)
    if before is not None and before.digest == digest_of(text):
        return
    connection.execute(
        sa.insert(rules_version).values(at=at, who=who[:128], why=why, text=text, digest=digest_of(text))
    )


def difference(before: str, after: str) -> Iterator[str]:
    """Lines of a unified difference, without its head."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
    return (line for number, line in enumerate(lines) if number >= 2)
