"""Who may call the API: FastAPI dependencies that ask for a token with the scopes that a route needs.

access = Access(service.database, service.clock.now)

@router.get("/cases", dependencies=[Depends(access.requires(Scope.CASES_READ))])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from fastapi import HTTPException, Request

from jingqiao.tokens.store import ApiToken, Scope, ScopeMissingError, UnknownTokenError, admit

_HOW: Final = "send the header `Authorization: Bearer TOKEN`; `jingqiao tokens add` makes one"


class Access:
    """Admits callers by their token. now : () → µs since 1970 UTC"""

    def __init__(self, database: sa.Engine, now: Callable[[], int]) -> None:
        self._database = database
        self._now = now

    def requires(self, *scopes: Scope) -> Callable[[Request], ApiToken]:
        """A dependency that gives the caller's token, or answers 401 (none that is good) or 403 (scope)."""

        def admitted(request: Request) -> ApiToken:
            return self.token_of(request, *scopes)

        return admitted

    def token_of(self, request: Request, *scopes: Scope) -> ApiToken:
        """The caller's token. Raises HTTPException 401 or 403 with what to do about it."""
        secret = bearer(request)
        if not secret:
            raise HTTPException(401, f"no token; {_HOW}", {"WWW-Authenticate": "Bearer"})
        try:
            return admit(self._database, secret, scopes, self._now())
        except UnknownTokenError as error:
            refused = 'Bearer error="invalid_token"'
            raise HTTPException(401, f"{error}; {_HOW}", {"WWW-Authenticate": refused}) from None
        except ScopeMissingError as error:
            raise HTTPException(403, str(error)) from None


def bearer(request: Request) -> str:
    """The token that a request brings along; "" without one."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""
