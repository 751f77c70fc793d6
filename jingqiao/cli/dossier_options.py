"""What the commands on dossier and devices share: which city (`-c`), who acts, and how faults are shown."""

from __future__ import annotations

import functools
import getpass
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import click
import sqlalchemy as sa

from config.faults import FaultsError
from config.messages import text
from config.settings import Settings, load_settings
from jingqiao.cli.output import CHECK_FAILED, fail_with, fault_rows, language, print_json
from jingqiao.cli.settings_option import database_or_exit
from jingqiao.clock import WallClock

DEFAULT_FILE: Final = Path("jingqiao.toml")
FAULTS_SHOWN: Final = 1000
"""So many faults are printed for people; `--json` has them all."""

Command = TypeVar("Command", bound=Callable[..., Any])


def city_option(command: Command) -> Command:
    """`-c jingqiao.toml`: the command gets `settings`; without the file in this folder, the defaults."""

    @click.option(
        "-c",
        "--config",
        "config_path",
        envvar="JINGQIAO_CONFIG",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Settings file of the city; by default ./jingqiao.toml where there is one.",
    )
    @functools.wraps(command)
    def wrapped(*args: Any, config_path: Path | None, **options: Any) -> Any:
        return command(*args, settings=settings_of(config_path), **options)

    return wrapped  # type: ignore[return-value]


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document for programs.")

who_option = click.option(
    "--who", default=getpass.getuser, show_default="your user name", help="Who does this."
)


def settings_of(path: Path | None) -> Settings:
    """Settings of the file that is named, of ./jingqiao.toml, or the defaults; exits on faults."""
    if path is None and not DEFAULT_FILE.exists():
        return Settings()
    try:
        return load_settings(path or DEFAULT_FILE)
    except FaultsError as error:
        fail_with(error)


def database_of(settings: Settings) -> sa.Engine:
    """The city's database, brought to the newest schema; exits where there is none to be had."""
    return database_or_exit(settings)


def now() -> int:
    """Now [µs since 1970 UTC]."""
    return WallClock().now()


def refuse(key: str, **values: object) -> NoReturn:
    """Say on standard error why not, and exit with `CHECK_FAILED`."""
    click.echo(text(key, language(), **values), err=True)
    raise SystemExit(CHECK_FAILED)


def show_faults(error: FaultsError, as_json: bool) -> NoReturn:
    """Every fault, a line each on standard error (JSON: on standard output); exit with `CHECK_FAILED`."""
    if as_json:
        print_json({"faults": fault_rows(error)})
        raise SystemExit(CHECK_FAILED)
    for fault in error.faults[:FAULTS_SHOWN]:
        click.echo(str(fault), err=True)
    hidden = len(error.faults) - FAULTS_SHOWN
    if hidden > 0:
        click.echo(text("assets.import.more_faults", language(), count=hidden), err=True)
    click.echo(text("assets.import.nothing_done", language(), count=len(error.faults)), err=True)
    raise SystemExit(CHECK_FAILED)


class Instant(click.ParamType[int]):
    """An instant on the command line: RFC 3339, a local date with or without time, or `+2h` from now."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The instant [µs since 1970 UTC]."""
        if isinstance(value, int):
            return value
        ahead = re.fullmatch(r"([+-]\d+(?:\.\d+)?)([mhd])", value)
        if ahead:
            step = {"m": "minutes", "h": "hours", "d": "days"}[ahead[2]]
            try:
                return now() + round(timedelta(**{step: float(ahead[1])}).total_seconds() * 1e6)
            except OverflowError:
                self.fail(f"{value!r} is too far away", param, ctx)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}; write 2026-05-31T08:00:00+08:00, 2026-05-31 08:00 or +2h", param, ctx)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo("Asia/Shanghai"))
        return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1e6)
