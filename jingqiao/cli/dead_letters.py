"""`jingqiao dead-letters`: messages that could not be used, why, and what they said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from config.messages import text
from ingest.dead_letters import StoredLetter, count_by_reason, newest, one
from jingqiao.cli.output import CHECK_FAILED, WRONG_USE, language, print_json, print_table
from jingqiao.cli.settings_option import settings_option, settings_or_exit

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_log = click.option(
    "--log", "log_path", type=click.Path(path_type=Path), help="The log's file itself, instead of -c."
)
_since = click.option(
    "--since", default=None, help="Only from this time on (RFC 3339; UTC where no zone is)."
)


@click.group("dead-letters")
def group() -> None:
    """Messages that could not be used, kept whole with the reason."""


@group.command("list")
@settings_option
@_log
@_json
@_since
@click.option("--reason", default=None, help="Only of this reason, like json, range, unknown_sensor.")
@click.option("--topic", default=None, help="Only where the topic has this in it, like a sensor's id.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True)
def list_(
    settings_path: Path,
    log_path: Path | None,
    as_json: bool,
    since: str | None,
    reason: str | None,
    topic: str | None,
    limit: int,
) -> None:
    """The newest first."""
    after = _instant(since)
    letters = _read(
        settings_path,
        log_path,
        lambda path: newest(path, reason=reason, topic=topic, since=after, limit=limit),
    )
    if as_json:
        print_json([_as_json(letter) for letter in letters])
        return
    if not letters:
        click.echo(text("dead_letters.none", language()))
        return
    print_table(
        _heads("number", "received", "reason", "topic", "detail"),
        [(x.number, _when(x.received), x.reason, x.topic, x.detail) for x in letters],
    )


@group.command()
@settings_option
@_log
@_json
@click.argument("number", type=int)
def show(settings_path: Path, log_path: Path | None, as_json: bool, number: int) -> None:
    """One of them, whole."""
    letter = _read(settings_path, log_path, lambda path: one(path, number))
    if letter is None:
        click.echo(text("dead_letters.unknown", language(), number=number), err=True)
        raise SystemExit(CHECK_FAILED)
    if as_json:
        print_json(_as_json(letter))
        return
    rows = _as_json(letter)
    payload = rows.pop("payload")
    encoding = rows.pop("payload_encoding")
    for key, value in rows.items():
        if value is not None:
            click.echo(f"{text(f'dead_letters.head.{key}', language())}: {value}")
    click.echo(
        f"{text(f'dead_letters.payload.{encoding}', language(), bytes=len(letter.payload))}\n{payload}"
    )


@group.command()
@settings_option
@_log
@_json
@_since
def count(settings_path: Path, log_path: Path | None, as_json: bool, since: str | None) -> None:
    """How many of each reason."""
    after = _instant(since)
    counts = _read(settings_path, log_path, lambda path: count_by_reason(path, since=after))
    if as_json:
        print_json(counts)
    elif not counts:
        click.echo(text("dead_letters.none", language()))
    else:
        print_table(_heads("reason", "count"), list(counts.items()))


def _read(settings_path: Path, log_path: Path | None, look: Callable[[Path], Any]) -> Any:
    path = log_path or settings_or_exit(settings_path).log_path
    try:
        return look(path)
    except FileNotFoundError:
        _wrong(text("dead_letters.no_log", language(), path=path))


def _instant(since: str | None) -> int:
    if since is None:
        return 0
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        _wrong(text("dead_letters.no_time", language(), value=since))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)


def _wrong(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    raise SystemExit(WRONG_USE)


def _as_json(letter: StoredLetter) -> dict[str, Any]:
    words = letter.text
    return {
        "number": letter.number,
        "received": _when(letter.received),
        "topic": letter.topic,
        "reason": letter.reason,
        "detail": letter.detail,
        "retried": None if letter.retried is None else _when(letter.retried),
        "payload_encoding": "hex" if words is None else "text",
        "payload": letter.payload.hex() if words is None else words,
    }


def _when(time_us: int) -> str:
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC).replace(microsecond=time_us % 1_000_000)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _heads(*names: str) -> list[str]:
    return [text(f"dead_letters.head.{name}", language()) for name in names]
