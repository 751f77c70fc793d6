"""`jingqiao tokens`: what lets other systems use the API, for how long, and for what."""

from __future__ import annotations

import click

from config.messages import text
from config.settings import Settings
from jingqiao.cli.asset_sheet import local
from jingqiao.cli.dossier_options import (
    Instant,
    city_option,
    database_of,
    json_option,
    now,
    refuse,
    who_option,
)
from jingqiao.cli.output import language, print_json, print_table
from jingqiao.database import reading, writing
from jingqiao.incidents.view import rfc3339
from jingqiao.tokens.store import ApiToken, Scope, issue, revoke, tokens


@click.group()
def group() -> None:
    """Tokens for other systems: each with scopes, an end, and a trace of its last use."""


@group.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; may be given several times.",
)
@click.option("--to", "end", type=Instant(), default="+365d", show_default=True, help="When it ends.")
@click.option("--no-end", is_flag=True, help="It never ends by itself.")
@who_option
@json_option
@city_option
def add(
    name: str, scopes: tuple[str, ...], end: int, no_end: bool, who: str, as_json: bool, settings: Settings
) -> None:
    """Make a token for the system NAME; it is shown once and kept nowhere."""
    until = None if no_end else end
    try:
        with writing(database_of(settings)) as connection:
            number, secret = issue(
                connection,
                name=name,
                scopes=[Scope(scope) for scope in scopes],
                who=who,
                now=now(),
                expires_at=until,
            )
    except ValueError:
        raise click.UsageError(text("tokens.past_end", language())) from None
    if as_json:
        print_json({"id": number, "token": secret, "expires_at": None if until is None else rfc3339(until)})
    else:
        click.echo(text("tokens.added", language(), id=number))
        click.echo(secret)


@group.command("list")
@json_option
@city_option
def list_(as_json: bool, settings: Settings) -> None:
    """All tokens, without their secrets: who made them, for what, last used when."""
    with reading(database_of(settings)) as connection:
        found = tokens(connection)
    if as_json:
        print_json([_json(token) for token in found])
        return
    names = ("id", "name", "scopes", "created_by", "expires_at", "last_used_at", "state")
    rows = [
        {
            **_json(token),
            "scopes": " ".join(sorted(token.scopes)),
            "expires_at": local(rfc3339(token.expires_at), settings.zone),
            "last_used_at": local(rfc3339(token.last_used_at), settings.zone),
        }
        for token in found
    ]
    print_table(
        [text(f"tokens.column.{name}", language()) for name in names],
        [
            [text(f"tokens.{row[name]}", language()) if name == "state" else row[name] for name in names]
            for row in rows
        ],
    )


@group.command("revoke")
@click.argument("number", type=int)
@who_option
@city_option
def revoke_(number: int, who: str, settings: Settings) -> None:
    """End token NUMBER now."""
    with writing(database_of(settings)) as connection:
        ended = revoke(connection, number, who, now())
    if not ended:
        refuse("tokens.not_there", id=number)
    click.echo(text("tokens.ended", language(), id=number))


def _json(token: ApiToken) -> dict[str, object]:
    times = {
        name: None if (at := getattr(token, name)) is None else rfc3339(at)
        for name in ("created_at", "expires_at", "last_used_at", "revoked_at")
    }
    state = "good" if token.good_at(now()) else "revoked" if token.revoked_at is not None else "over"
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "created_by": token.created_by,
        "revoked_by": token.revoked_by,
        **times,
        "state": state,
    }
