"""Readings of the archive for a backtest: from the file, or from the running service that owns it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

import pyarrow as pa

from config.settings import Settings
from devices.registry import Registry
from jingqiao.archive.contract import Archive, ArchiveUnavailableError
from jingqiao.clock import WallClock
from jingqiao.command_key import command_token
from jingqiao.service import open_archive


def read_archive(
    settings: Settings,
    registry: Registry,
    since: int | None,
    until: int | None,
    sensor_ids: Sequence[str] | None = None,
) -> pa.Table:
    """Readings of the archive that the settings name, by event time: `sensor_id`, `t`, quantities.

    since, until : int | None  Event time [µs]; None = the beginning, now. An embedded archive belongs to the
        running service while there is one: then that is asked. Raises ArchiveUnavailableError.
    """
    first, end = since or 0, WallClock().now() if until is None else until
    return _ask(
        settings,
        registry,
        "readings",
        {"since": first, "until": end, "sensor": sensor_ids or ()},
        lambda archive: archive.readings(first, end, sensor_ids),
    )


def read_blocks(
    settings: Settings, registry: Registry, since: int, until: int, sensor_ids: Sequence[str]
) -> pa.Table:
    """Raw blocks of some sensors: see `Archive.blocks`. Raises ArchiveUnavailableError."""
    return _ask(
        settings,
        registry,
        "strain-blocks",
        {"since": since, "until": until, "sensor": sensor_ids},
        lambda archive: archive.blocks(since, until, sensor_ids),
    )


def read_block_hours(
    settings: Settings, registry: Registry, since: int, until: int, sensor_ids: Sequence[str]
) -> list[int]:
    """Hours that have raw blocks of some sensors: see `Archive.block_hours`. Raises
    ArchiveUnavailableError.
    """
    table = _ask(
        settings,
        registry,
        "block-hours",
        {"since": since, "until": until, "sensor": sensor_ids},
        lambda archive: archive.block_hours(since, until, sensor_ids),
    )
    hours: list[int] = table["hour"].to_pylist()
    return hours


def _ask(
    settings: Settings,
    registry: Registry,
    what: str,
    query: Mapping[str, object],
    at_rest: Callable[[Archive], pa.Table],
) -> pa.Table:
    """From the running service where the archive is its own and it answers, else from the file or server."""
    if settings.archive.kind == "duckdb":
        table = _ask_service(settings, what, query)
        if table is not None:
            return table
    archive = open_archive(settings, lambda: registry)
    if archive is None:
        raise ArchiveUnavailableError("the settings name no archive")
    try:
        return at_rest(archive)
    finally:
        archive.close()


def _ask_service(settings: Settings, what: str, query: Mapping[str, object]) -> pa.Table | None:
    """What the running service says; None where none answers."""
    host = "127.0.0.1" if settings.http.host in ("0.0.0.0", "::") else settings.http.host  # noqa: S104
    asked = urlencode(query, doseq=True)
    try:
        url = f"http://{host}:{settings.http.port}/api/v1/{what}?{asked}"
        token = {"Authorization": f"Bearer {command_token(settings)}"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=token), timeout=600) as answer:
            return pa.ipc.open_stream(answer.read()).read_all()
    except urllib.error.HTTPError as error:
        raise ArchiveUnavailableError(f"the running service does not give readings: {error}") from error
    except (OSError, pa.ArrowInvalid):
        return None
