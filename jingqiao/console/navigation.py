"""The console's pages in the order of its menu; a page adds its line here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jingqiao.accounts.role import Role
from jingqiao.console.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. name : sentence of `console.nav`."""

    name: str
    path: str
    role: Role = Role.VIEWER


ENTRIES: Final = (
    Entry("now", "/"),
    Entry("incidents", "/incidents"),
    Entry("map", "/map"),
    Entry("fleet", "/fleet"),
    Entry("reports", "/reports"),
    Entry("bridges", "/bridges"),
    Entry("rules", "/rules"),
    Entry("roster", "/roster"),
    Entry("messages", "/messages"),
    Entry("drills", "/drills"),
    Entry("accounts", "/accounts", Role.ADMIN),
)


def entries_for(visitor: Visitor | None) -> tuple[Entry, ...]:
    """What a visitor may open."""
    if visitor is None:
        return ()
    return tuple(entry for entry in ENTRIES if visitor.may(entry.role))
