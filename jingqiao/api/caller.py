"""Who calls the API: another system by a token with scopes, or a person by the console's session.

`caller: Reader` in a route's parameters admits a token with `incidents:read` or any logged-in person. Unsafe
methods of a session need its CSRF token (`X-CSRF-Token`); tokens need none, no browser sends them by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from jingqiao.accounts.role import Role
from jingqiao.api.access import Access, bearer
from jingqiao.console.parts import parts_of
from jingqiao.console.visitor import Visitor, address_of, check_post, need
from jingqiao.tokens.store import Scope


def caller_with(scope: Scope, role: Role) -> Callable[[Request], Awaitable[Visitor]]:
    """A dependency: a token with the scope, or a person whose role reaches.

    A token acts with that role, and signs as `token:NAME`; `incidents:judge` lets it also do with incidents
    what is a supervisor's.
    """

    async def caller(request: Request) -> Visitor:
        if bearer(request):
            return await run_in_threadpool(_by_token, request, scope, role)
        visitor = await run_in_threadpool(need, request, role)
        await check_post(request, visitor)
        return visitor

    return caller


def _by_token(request: Request, scope: Scope, role: Role) -> Visitor:
    parts = parts_of(request)
    token = Access(parts.database, parts.door_clock.now).token_of(request, scope)
    if Scope.INCIDENTS_JUDGE in token.scopes and scope is Scope.INCIDENTS_WRITE:
        role = Role.SUPERVISOR
    name = f"token:{token.name}"
    return Visitor(name, token.name, name, role, "", address_of(request))


Reader = Annotated[Visitor, Depends(caller_with(Scope.INCIDENTS_READ, Role.VIEWER))]
Worker = Annotated[Visitor, Depends(caller_with(Scope.INCIDENTS_WRITE, Role.DUTY))]
AssetReader = Annotated[Visitor, Depends(caller_with(Scope.ASSETS_READ, Role.VIEWER))]
AssetWriter = Annotated[Visitor, Depends(caller_with(Scope.ASSETS_WRITE, Role.DUTY))]
FleetKeeper = Annotated[Visitor, Depends(caller_with(Scope.ASSETS_WRITE, Role.SUPERVISOR))]
ReadingReader = Annotated[Visitor, Depends(caller_with(Scope.READINGS_READ, Role.VIEWER))]
RulesWriter = Annotated[Visitor, Depends(caller_with(Scope.RULES_WRITE, Role.SUPERVISOR))]
MessageReader = Annotated[Visitor, Depends(caller_with(Scope.MESSAGES_READ, Role.VIEWER))]
RosterReader = Annotated[Visitor, Depends(caller_with(Scope.ROSTER_READ, Role.VIEWER))]
RosterKeeper = Annotated[Visitor, Depends(caller_with(Scope.ROSTER_WRITE, Role.SUPERVISOR))]
AccountKeeper = Annotated[Visitor, Depends(caller_with(Scope.ACCOUNTS_WRITE, Role.ADMIN))]
Auditor = Annotated[Visitor, Depends(caller_with(Scope.AUDIT_READ, Role.ADMIN))]
