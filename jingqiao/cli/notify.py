"""`jingqiao notify`: try a person's channels for real, and see what is in the outbox."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from config.messages import text
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, language, print_json, print_table
from jingqiao.cli.settings_option import (
    database_or_exit,
    group_settings_option,
    roster_or_exit,
    settings_option,
    settings_or_exit,
)
from jingqiao.clock import WallClock
from jingqiao.database import reading
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.notify.channels import strict_channel
from jingqiao.notify.outbox import MessageState, attempts_of, latest_messages
from jingqiao.notify.sender import Outcome, Outgoing, Result
from jingqiao.notify.view import message_json

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
@group_settings_option
def notify() -> None:
    """Messages to people."""


@notify.command()
@settings_option
@_json
@click.argument("person")
def test(settings_path: Path, as_json: bool, person: str) -> None:
    """Send a marked test message by every channel of PERSON, and say what really happened.

    Exit code 1 when a channel did not take it.
    """
    roster = roster_or_exit(settings_or_exit(settings_path), text("roster.no_roster", language()))
    if person not in roster.people:
        known = ", ".join(roster.people)
        click.echo(text("notify_command.unknown_person", language(), person=person, known=known), err=True)
        raise SystemExit(WRONG_USE)
    someone = roster.people[person]
    tongue = someone.language or roster.language
    now = datetime.fromtimestamp(WallClock().now() // 1_000_000, roster.zone)
    body = text("notify_command.body", tongue, name=someone.name, at=f"{now:%Y-%m-%d %H:%M:%S}")
    title = text("notify_command.title", tongue)
    fields = {"severity": title, "hazard": title, "place": f"{now:%H:%M:%S}", "id": "0", "note": title}
    sender = AppriseSender()
    rows: list[tuple[str, Outcome, bool]] = []
    for channel in someone.channels:
        outcome = sender.send(
            Outgoing(someone.name, channel.url, title, body, fields, f"test:{person}:{now.timestamp()}")
        )
        rows.append((channel.name, outcome, _is_strict(channel.url)))
    if as_json:
        print_json(
            [
                {
                    "channel": name,
                    "result": outcome.result.value,
                    "provider_code": outcome.provider_code,
                    "detail": outcome.detail,
                    "strict": strict,
                }
                for name, outcome, strict in rows
            ]
        )
    else:
        columns = [
            text(f"notify_command.column.{name}", language())
            for name in ("channel", "result", "code", "detail")
        ]
        print_table(
            columns,
            [
                (
                    name,
                    text(f"notify_command.{outcome.result}", language()),
                    outcome.provider_code,
                    outcome.detail
                    if strict or outcome.result is not Result.SENT
                    else text("notify_command.worth", language()),
                )
                for name, outcome, strict in rows
            ],
        )
    if any(outcome.result is not Result.SENT for _, outcome, _ in rows):
        raise SystemExit(CHECK_FAILED)


@notify.command("list")
@settings_option
@_json
@click.option("--state", type=click.Choice([s.value for s in MessageState]), help="Only this state.")
@click.option("--limit", default=50, show_default=True, help="How many, newest first.")
def list_(settings_path: Path, as_json: bool, state: str | None, limit: int) -> None:
    """The outbox, newest first: who was sent what, and what became of it."""
    settings = settings_or_exit(settings_path)
    with reading(database_or_exit(settings)) as connection:
        rows = [
            message_json(row, attempts_of(connection, row["id"]))
            for row in latest_messages(connection, limit, state)
        ]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(text("notify_command.nothing", language()))
    else:
        names = ("id", "created", "person", "title", "state")
        print_table(
            [
                *(text(f"notify_command.column.{name}", language()) for name in names),
                text("calm.column.held", language()),
            ],
            [
                (row["id"], row["created_at"], row["person"], row["title"], row["state"], row["held"] or "")
                for row in rows
            ],
        )


def _is_strict(url: str) -> bool:
    try:
        return strict_channel(url) is not None
    except ValueError:
        return True
