"""`jingqiao run`: the service, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click
import structlog

from config.faults import FaultsError
from config.messages import text
from config.settings import Settings, load_settings
from ingest.log import LogUnavailableError
from jingqiao.api.server import PortTakenError
from jingqiao.archive.contract import ArchiveUnavailableError
from jingqiao.cli.output import CHECK_FAILED, fail_with, language
from jingqiao.clock import WallClock
from jingqiao.logging import set_up_logging
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.one_at_a_time import AlreadyRunningError, alone

_log = structlog.get_logger()


@click.command
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path("jingqiao.toml"),
    show_default=True,
)
def run(file: Path) -> None:
    """Run the service of a settings file until SIGTERM or Ctrl-C; SIGHUP: read rules and roster anew."""
    set_up_logging()
    try:
        settings = load_settings(file)
        with alone(settings.data_dir):
            asyncio.run(serve(settings))
    except FaultsError as error:
        fail_with(error)
    except AlreadyRunningError as error:
        click.echo(text("check.already_running", language(), folder=error), err=True)
        raise SystemExit(CHECK_FAILED) from None
    except (LogUnavailableError, ArchiveUnavailableError, PortTakenError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(CHECK_FAILED) from None
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        click.echo(text("check.cannot_run", language(), reason=reason), err=True)
        raise SystemExit(CHECK_FAILED) from None


async def serve(settings: Settings) -> None:
    """Build the service and run it until a signal comes."""
    from jingqiao.lasting import keep_for_life  # noqa: PLC0415
    from jingqiao.service import Service  # noqa: PLC0415 - importing it takes a second; faults are said first

    if not settings.mqtt:
        _log.warning("no [[mqtt]] source is set: nothing will be heard")
    if settings.http.ctwing_token is None and settings.http.host not in ("127.0.0.1", "::1", "localhost"):
        _log.warning("anybody who reaches the HTTP port can push readings; set JINGQIAO_HTTP__CTWING_TOKEN")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    service = Service(settings, WallClock(), AppriseSender())
    loop.add_signal_handler(signal.SIGHUP, service.reload.ask)
    _log.info(
        "service started",
        sensors=len(service.registry().sensors),
        assets=len(service.registry().assets),
        sources=[source.url for source in settings.mqtt],
        http=f"http://{settings.http.host}:{settings.http.port}",
    )
    keep_for_life()
    await service.run(stop)
    _log.info("service stopped")
