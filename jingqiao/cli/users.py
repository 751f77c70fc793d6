"""`jingqiao users`: accounts of the console and the API. Works while the service runs."""

from __future__ import annotations

import getpass
import sys
from datetime import datetime
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

import click

from config.messages import text
from config.settings import Settings
from jingqiao.accounts import accounts
from jingqiao.accounts.accounts import AccountError, Actor
from jingqiao.accounts.passwords import WeakPasswordError
from jingqiao.accounts.role import Role
from jingqiao.accounts.view import account_json
from jingqiao.cli.output import CHECK_FAILED, language, print_json, print_table
from jingqiao.cli.settings_option import (
    database_or_exit,
    group_settings_option,
    roster_or_exit,
    settings_option,
    settings_or_exit,
)
from jingqiao.clock import WallClock

_name = click.argument("name")
_role = click.option("--role", type=click.Choice([role.value for role in Role]), default=None)
_person = click.option("--person", help="Id of the same human in the roster; “” = nobody.")
_called = click.option("--called", help="How the console shows the person.")
_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group("users")
@group_settings_option
def group() -> None:
    """Accounts of console and API: who may see and do what."""


@group.command("list")
@settings_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(settings_path: Path, as_json: bool) -> None:
    """All accounts."""
    settings = settings_or_exit(settings_path)
    found = accounts.listed(database_or_exit(settings))
    tongue = language()
    if as_json:
        print_json([account_json(item) for item in found])
    elif not found:
        click.echo(text("accounts.none", tongue))
    else:
        zone = ZoneInfo(settings.timezone)
        columns = ("name", "display_name", "role", "person", "state", "last_login")
        print_table(
            [text(f"accounts.column.{column}", tongue) for column in columns],
            [
                (
                    item.name,
                    item.display_name,
                    text(f"accounts.role.{item.role}", tongue),
                    item.person,
                    text(f"accounts.state.{'disabled' if item.disabled_at else 'active'}", tongue),
                    item.last_login_at
                    and f"{datetime.fromtimestamp(item.last_login_at / 1e6, zone):%Y-%m-%d %H:%M}",
                )
                for item in found
            ],
        )


@group.command()
@settings_option
@_name
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), default=Role.DUTY.value, show_default=True
)
@_person
@_called
@_stdin
@click.option("--no-password", is_flag=True, help="Only the identity provider lets it in ([console.oidc]).")
def add(
    settings_path: Path,
    name: str,
    role: str,
    person: str | None,
    called: str | None,
    password_stdin: bool,
    no_password: bool,
) -> None:
    """Make an account; asks for its password."""
    settings = settings_or_exit(settings_path)
    _check_person(settings, person)
    database = database_or_exit(settings)
    try:
        made = accounts.add(
            database,
            _actor(),
            name=name,
            role=Role(role),
            password=None if no_password else _password(name, password_stdin),
            display_name=called or "",
            person=person,
        )
    except (AccountError, WeakPasswordError) as error:
        _fail(error)
    role_name = text(f"accounts.role.{made.role}", language())
    click.echo(text("accounts.added", language(), name=made.name, role=role_name))


@group.command()
@settings_option
@_name
@_role
@_person
@_called
def change(settings_path: Path, name: str, role: str | None, person: str | None, called: str | None) -> None:
    """Change an account's role, person or name; a changed role ends its sessions."""
    settings = settings_or_exit(settings_path)
    _check_person(settings, person)
    _change(settings, name, role=Role(role) if role else None, person=person, display_name=called)


@group.command()
@settings_option
@_name
@click.option("--undo", is_flag=True, help="Enable it again.")
def disable(settings_path: Path, name: str, undo: bool) -> None:
    """Shut an account out, at once; what it did stays on record."""
    _change(settings_or_exit(settings_path), name, disabled=not undo)


@group.command()
@settings_option
@_name
@_stdin
def password(settings_path: Path, name: str, password_stdin: bool) -> None:
    """Set a new password; ends the account's sessions."""
    settings = settings_or_exit(settings_path)
    _change(settings, name, password=_password(name, password_stdin))


def _change(settings: Settings, name: str, **values: object) -> None:
    try:
        changed = accounts.change(database_or_exit(settings), _actor(), name, **values)  # type: ignore[arg-type]
    except (AccountError, WeakPasswordError) as error:
        _fail(error)
    click.echo(text("accounts.changed", language(), name=changed.name))


def _check_person(settings: Settings, person: str | None) -> None:
    if not person:
        return
    roster = roster_or_exit(settings, text("accounts.fault.unknown_person", language(), person=person))
    if person not in roster.people:
        _fail(AccountError("unknown_person", person=person))


def _password(name: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    prompt = text("accounts.ask_password", language(), name=name)
    return str(click.prompt(prompt, hide_input=True, confirmation_prompt=True))


def _actor() -> Actor:
    return Actor(getpass.getuser(), WallClock().now(), "cli")


def _fail(error: AccountError | WeakPasswordError) -> NoReturn:
    words = (
        text(error.key, language(), **error.values)
        if isinstance(error, AccountError)
        else text("accounts.weak", language())
    )
    click.echo(words, err=True)
    raise SystemExit(CHECK_FAILED)
