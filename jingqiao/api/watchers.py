"""Who may see how the service fares: this machine, people who are logged in, tokens with `metrics:read`."""

from __future__ import annotations

from ipaddress import ip_address

from fastapi import HTTPException, Request

from jingqiao.accounts.role import Role
from jingqiao.api.access import Access, bearer
from jingqiao.console.parts import parts_of
from jingqiao.console.visitor import ForbiddenError, NotLoggedInError, address_of, need
from jingqiao.tokens.store import Scope


def watcher(request: Request) -> None:
    """Admit a caller. Raises HTTPException 401 or 403 for anybody else.

    Prometheus beside the service needs nothing. A proxy on this machine passes on where its callers are
    (`X-Forwarded-For`, docs/console.md), so that they are not taken for this machine.
    """
    if not bearer(request) and _is_this_machine(address_of(request)):
        return
    if bearer(request):
        parts = parts_of(request)
        Access(parts.database, parts.door_clock.now).token_of(request, Scope.METRICS_READ)
        return
    try:
        need(request, Role.VIEWER)
    except (NotLoggedInError, ForbiddenError):
        said = "log in, or send a token with metrics:read: Authorization: Bearer …"
        raise HTTPException(401, said, {"WWW-Authenticate": "Bearer"}) from None


def may_watch(request: Request) -> bool:
    """Whether `watcher` admits a caller."""
    try:
        watcher(request)
    except HTTPException:
        return False
    return True


def _is_this_machine(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:  # a socket file, a name: nothing that can be told
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
