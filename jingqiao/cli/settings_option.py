"""The `-c jingqiao.toml` option of commands that work on a service's data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from config.faults import FaultsError
from config.messages import text
from config.roster import Roster, load_roster
from config.settings import Settings, load_settings
from jingqiao.cli.output import WRONG_USE, fail_with, language
from jingqiao.clock import WallClock
from jingqiao.database import migrate, open_database
from jingqiao.roster.current import current_roster

settings_option: Callable[[Any], Any] = click.option(
    "-c",
    "--config",
    "settings_path",
    type=click.Path(path_type=Path),
    default=Path("jingqiao.toml"),
    envvar="JINGQIAO_CONFIG",
    show_default=True,
    help="The settings file of the service.",
)


def _for_all_commands(context: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
    """What a group was given counts for its command."""
    if value is not None and isinstance(context.command, click.Group):
        names = context.command.list_commands(context)
        context.default_map = {name: {"settings_path": str(value)} for name in names}


group_settings_option: Callable[[Any], Any] = click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    expose_value=False,
    callback=_for_all_commands,
    help="The settings file of the service; may also stand behind the command.",
)


def settings_or_exit(path: Path) -> Settings:
    """The settings, or their faults on standard error and the exit."""
    try:
        return load_settings(path)
    except FaultsError as error:
        fail_with(error)


def database_or_exit(settings: Settings) -> sa.Engine:
    """The service's database, brought up to date; or what is wrong with it, and the exit."""
    try:
        engine = open_database(settings.database_url)
        migrate(engine)
    except (ValueError, OSError, sa.exc.SQLAlchemyError) as error:
        where = settings.database_url.split("@")[-1]
        reason = str(error).splitlines()[0]
        click.echo(text("check.no_database", language(), where=where, reason=reason), err=True)
        raise SystemExit(WRONG_USE) from None
    return engine


def current_roster_or_exit(settings: Settings, missing: str) -> Roster:
    """The roster with what people changed beside its file; or its faults, and the exit."""
    base = roster_or_exit(settings, missing)
    return current_roster(database_or_exit(settings), base, WallClock().now())


def roster_or_exit(settings: Settings, missing: str) -> Roster:
    """The roster, or its faults on standard error and the exit; `missing` is said when there is none."""
    if settings.roster is None:
        click.echo(missing, err=True)
        raise SystemExit(WRONG_USE)
    try:
        return load_roster(settings.roster)
    except FaultsError as error:
        fail_with(error)
