"""The embedded archive over HTTP: to the service's own commands, and to whoever may read readings."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from jingqiao.accounts.role import Role
from jingqiao.api.access import bearer
from jingqiao.api.caller import caller_with
from jingqiao.archive.contract import Archive, ArchiveUnavailableError
from jingqiao.command_key import command_token
from jingqiao.tokens.store import Scope

if TYPE_CHECKING:
    from jingqiao.service import Service

ARROW = "application/vnd.apache.arrow.stream"


def archive_routes(service: Service) -> APIRouter:
    """Readings and raw blocks as Arrow streams.

    Admits a token with `readings:read`, a logged-in person, and commands that can read the service's own
    folder: an address cannot tell those, behind a proxy every caller is on this machine.
    """
    own = command_token(service.settings)
    others = caller_with(Scope.READINGS_READ, Role.VIEWER)

    async def admitted(request: Request) -> None:
        if not hmac.compare_digest(bearer(request).encode(), own.encode()):
            await others(request)

    router = APIRouter(prefix="/api/v1", dependencies=[Depends(admitted)])

    def archive() -> Archive:
        if service.archive is None:
            raise HTTPException(404, "no archive is configured")
        return service.archive

    @router.get("/readings")
    def readings(
        since: Annotated[int, Query(description="first event time, µs since 1970 UTC")],
        until: Annotated[int, Query(description="first event time no longer wanted")],
        sensor: Annotated[list[str] | None, Query()] = None,
    ) -> Response:
        """Archived readings as an Arrow stream."""
        try:
            return _arrow(archive().readings(since, until, sensor))
        except ArchiveUnavailableError as error:
            raise HTTPException(503, str(error)) from None

    @router.get("/strain-blocks")
    def strain_blocks(
        sensor: Annotated[list[str], Query()],
        since: Annotated[int, Query(description="first start, µs since 1970 UTC")],
        until: Annotated[int, Query(description="first start no longer wanted")],
    ) -> Response:
        """Raw blocks of strain and acceleration as an Arrow stream, as long as they are kept."""
        try:
            return _arrow(archive().blocks(since, until, sensor))
        except ArchiveUnavailableError as error:
            raise HTTPException(503, str(error)) from None

    @router.get("/block-hours")
    def block_hours(
        sensor: Annotated[list[str], Query()],
        since: Annotated[int, Query(description="first hour, µs since 1970 UTC")],
        until: Annotated[int, Query(description="first hour no longer wanted")],
    ) -> Response:
        """Hours that have raw blocks, as an Arrow stream."""
        try:
            return _arrow(archive().block_hours(since, until, sensor))
        except ArchiveUnavailableError as error:
            raise HTTPException(503, str(error)) from None

    return router


def _arrow(table: pa.Table) -> Response:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Response(bytes(sink.getvalue()), media_type=ARROW)
