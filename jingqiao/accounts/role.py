"""Roles: each may do what the ones before it may. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What an account is for."""

    VIEWER = "viewer"
    """Sees everything but accounts; changes nothing."""
    DUTY = "duty"
    """Works on incidents: acknowledges, assigns, dispatches, resolves, comments."""
    SUPERVISOR = "supervisor"
    """Judges and plans: closes, changes severities, merges; roster, silences, rules, drills."""
    ADMIN = "admin"
    """Accounts and the audit log."""


_ORDER: Final = tuple(Role)


def covers(role: Role, needed: Role) -> bool:
    """Whether a role may do what `needed` may."""
    return _ORDER.index(role) >= _ORDER.index(needed)
