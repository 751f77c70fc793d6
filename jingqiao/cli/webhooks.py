"""`jingqiao webhooks`: what goes out to other systems, and what they did not take."""

from __future__ import annotations

import click
import sqlalchemy as sa

from config.exchange import WebhookSettings
from config.messages import catalogue, text
from config.settings import Settings
from jingqiao.cli.asset_sheet import local
from jingqiao.cli.dossier_options import city_option, database_of, json_option, now
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, language, print_json, print_table
from jingqiao.database import reading, writing
from jingqiao.exchange.tables import outlet_event, webhook_delivery
from jingqiao.exchange.webhooks import post, retry_dead
from jingqiao.incidents.view import rfc3339


@click.group()
def group() -> None:
    """Webhooks: other systems that are told of each change of an incident."""


@group.command("list")
@click.option("--state", type=click.Choice(["pending", "delivered", "dead"]), help="Only this state.")
@click.option("--limit", default=50, show_default=True, help="How many, newest first.")
@json_option
@city_option
def list_(state: str | None, limit: int, as_json: bool, settings: Settings) -> None:
    """Events on their way, newest first, and what the other systems answered."""
    query = (
        sa.select(webhook_delivery, outlet_event.c.event, outlet_event.c.incident_id)
        .join(outlet_event, outlet_event.c.id == webhook_delivery.c.event_id)
        .order_by(webhook_delivery.c.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(webhook_delivery.c.state == state)
    with reading(database_of(settings)) as connection:
        rows = [
            {
                "id": row["id"],
                "hook": row["hook"],
                "event": row["event"],
                "incident_id": row["incident_id"],
                "state": row["state"],
                "tries": row["tries"],
                "due_at": rfc3339(row["due_at"]),
                "last_try_at": rfc3339(row["last_try_at"]),
                "last_answer": row["last_answer"],
            }
            for row in connection.execute(query).mappings()
        ]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo(text("exchange.nothing", language()))
    else:
        words = catalogue(language())
        names = ("id", "hook", "event", "incident", "state", "tries", "last_try", "answer")
        print_table(
            [text(f"exchange.column.{name}", language()) for name in names],
            [
                (
                    row["id"],
                    row["hook"],
                    words.get(f"incidents.event.{row['event']}", row["event"]),
                    row["incident_id"],
                    text(f"exchange.state.{row['state']}", language()),
                    row["tries"],
                    local(row["last_try_at"], settings.zone),
                    row["last_answer"],
                )
                for row in rows
            ],
        )


@group.command()
@click.argument("hook")
@city_option
def retry(hook: str, settings: Settings) -> None:
    """Put the events that HOOK did not take back on their way."""
    _named(settings, hook)
    with writing(database_of(settings)) as connection:
        count = retry_dead(connection, hook, now())
    click.echo(text("exchange.retried", language(), count=count))


@group.command()
@click.argument("hook")
@city_option
def test(hook: str, settings: Settings) -> None:
    """Send HOOK one signed event of the type `cn.jingqiao.test`, and say what it answered."""
    settings_of_hook = _named(settings, hook)
    moment = now()
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": f"test-{moment}",
        "source": settings.event_source,
        "type": "cn.jingqiao.test",
        "time": rfc3339(moment),
        "datacontenttype": "application/json",
        "data": {},
    }
    answer = post(settings_of_hook, event, moment)
    click.echo(text("exchange.tested", language(), hook=hook, answer=answer.words))
    if answer.taken is not True:
        raise SystemExit(CHECK_FAILED)


def _named(settings: Settings, hook: str) -> WebhookSettings:
    for candidate in settings.webhooks:
        if candidate.name == hook:
            return candidate
    known = ", ".join(candidate.name for candidate in settings.webhooks) or "-"
    click.echo(text("exchange.unknown_hook", language(), hook=hook, known=known), err=True)
    raise SystemExit(WRONG_USE)
