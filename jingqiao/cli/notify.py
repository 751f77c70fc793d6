"""`jingqiao notify`: try a person's channels for real, and see what is in the outbox."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click
import sqlalchemy as sa

from config.messages import text
from config.roster import Channel
from jingqiao.cli.asset_sheet import local
from jingqiao.cli.incident_sheet import names_of
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
from jingqiao.incidents.view import rfc3339
from jingqiao.notify.apprise_sender import AppriseSender
from jingqiao.notify.channels import account_of, limits_of, strict_channel
from jingqiao.notify.limits import free_at, used
from jingqiao.notify.outbox import MessageState, attempts_of, latest_messages
from jingqiao.notify.sender import Outgoing, Result
from jingqiao.notify.tables import sms_reply
from jingqiao.notify.trial import Tried, try_channels
from jingqiao.notify.view import message_json, reply_json

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
@group_settings_option
def notify() -> None:
    """Messages to people."""


@notify.command()
@settings_option
@_json
@click.option(
    "--wait", default=30.0, show_default=True, help="How long to ask providers for receipts [s]; 0 = not."
)
@click.argument("person")
def test(settings_path: Path, as_json: bool, wait: float, person: str) -> None:
    """Send a marked test message by every channel of PERSON, and say what really happened.

    Exit code 1 when a channel did not take it, or its provider says afterwards that it did not arrive.
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

    def outgoing(channel: Channel) -> Outgoing:
        reference = f"test:{person}:{channel.name}:{now.timestamp()}"
        return Outgoing(someone.name, channel.url, title, body, fields, reference)

    tried = try_channels(
        someone.channels, outgoing, AppriseSender(), wait_s=wait, now=WallClock().now, sleep=time.sleep
    )
    if as_json:
        print_json([_tried_json(one) for one in tried])
    else:
        names = ("channel", "result", "code", "receipt", "detail")
        print_table(
            [text(f"notify_command.column.{name}", language()) for name in names],
            [
                (
                    one.channel.name,
                    text(f"notify_command.{one.outcome.result}", language()),
                    one.outcome.provider_code,
                    _receipt_text(one),
                    one.outcome.detail
                    if _is_strict(one.channel.url) or one.outcome.result is not Result.SENT
                    else text("notify_command.worth", language()),
                )
                for one in tried
            ],
        )
    if not all(one.good for one in tried):
        raise SystemExit(CHECK_FAILED)


def _tried_json(one: Tried) -> dict[str, object]:
    return {
        "channel": one.channel.name,
        "result": one.outcome.result.value,
        "provider_code": one.outcome.provider_code,
        "detail": one.outcome.detail,
        "receipt": None if one.receipt is None else one.receipt.delivery.value,
        "receipt_code": None if one.receipt is None else one.receipt.provider_code,
        "strict": _is_strict(one.channel.url),
    }


def _receipt_text(one: Tried) -> str:
    """What the provider said afterwards, in words."""
    if one.receipt is None:
        nobody = one.outcome.result is Result.SENT
        return text("notify_command.receipt.none", language()) if nobody else ""
    said = text(f"notify_command.receipt.{one.receipt.delivery}", language())
    return f"{said} {one.receipt.provider_code}".strip()


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
        names, people = ("id", "created", "person", "title", "state"), names_of(settings)
        print_table(
            [
                *(text(f"notify_command.column.{name}", language()) for name in names),
                text("calm.column.held", language()),
            ],
            [
                (
                    row["id"],
                    local(row["created_at"], settings.zone),
                    people.get(row["person"], row["person"]),
                    row["title"],
                    text(f"notify_command.state.{row['state']}", language()),
                    row["held"] or "",
                )
                for row in rows
            ],
        )


@notify.command()
@settings_option
@_json
@click.option("--limit", default=50, show_default=True, help="How many, newest first.")
def replies(settings_path: Path, as_json: bool, limit: int) -> None:
    """What people answered by SMS, and what became of it."""
    settings = settings_or_exit(settings_path)
    query = sa.select(sms_reply).order_by(sms_reply.c.id.desc()).limit(limit)
    with reading(database_or_exit(settings)) as connection:
        rows = [reply_json(dict(row)) for row in connection.execute(query).mappings()]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(text("replies.nothing", language()))
    else:
        print_table(
            [
                text(f"replies.column.{name}", language())
                for name in ("received", "people", "words", "outcome", "incidents")
            ],
            [
                (
                    local(row["received_at"], settings.zone),
                    " ".join(row["people"]),
                    row["words"],
                    text(f"replies.outcome.{row['outcome'] or 'waiting'}", language()),
                    " ".join(str(number) for number in row["incident_ids"]),
                )
                for row in rows
            ],
        )


@notify.command()
@settings_option
@_json
@click.argument("person", required=False)
def quota(settings_path: Path, as_json: bool, person: str | None) -> None:
    """How much of each provider's limit is used, for PERSON or everybody: by recipient and channel."""
    settings = settings_or_exit(settings_path)
    roster = roster_or_exit(settings, text("roster.no_roster", language()))
    if person is not None and person not in roster.people:
        known = ", ".join(roster.people)
        click.echo(text("notify_command.unknown_person", language(), person=person, known=known), err=True)
        raise SystemExit(WRONG_USE)
    now = WallClock().now()
    rows = []
    with reading(database_or_exit(settings)) as connection:
        for id_, someone in roster.people.items():
            if person not in (None, id_):
                continue
            for channel in someone.channels:
                account, limits = account_of(channel.url), limits_of(channel.url)
                free = free_at(connection, account, limits, now)
                rows += [
                    {
                        "person": id_,
                        "channel": channel.name,
                        "window_s": limit.window_s,
                        "used": used(connection, account, limit, now),
                        "limit": limit.count,
                        "full_until": rfc3339(free) if free > now else None,
                    }
                    for limit in limits
                ]
    if as_json:
        print_json(rows)
        return
    print_table(
        [
            text(f"notify_command.column.{name}", language())
            for name in ("person", "channel", "window", "used", "full_until")
        ],
        [
            (
                row["person"],
                row["channel"],
                f"{row['window_s']:g} s",
                f"{row['used']} / {row['limit']}",
                row["full_until"],
            )
            for row in rows
        ],
    )


def _is_strict(url: str) -> bool:
    try:
        return strict_channel(url) is not None
    except ValueError:
        return True
