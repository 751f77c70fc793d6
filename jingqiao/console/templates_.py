"""The Jinja environment: everything is escaped, an unknown name is a defect, times are the office's."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from config.messages import Language, catalogue, text
from jingqiao.notify.text import quantity

MINUTE_US = 60_000_000


@cache
def environment() -> Environment:
    """The one environment."""
    made = Environment(
        loader=PackageLoader("jingqiao.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    made.filters |= {
        "age": _age,
        "clock": _clock,
        "iso": _iso,
        "duration": _duration,
        "moment": _moment,
        "quantity": quantity,
        "rfc_moment": _rfc_moment,
        "until": _until,
        "word": _word,
    }
    return made


def local(at: int, zone: tzinfo) -> datetime:
    """µs since 1970 UTC in a zone."""
    return datetime.fromtimestamp(at / 1e6, zone)


def age_text(microseconds: int, language: Language) -> str:
    """How long, in the unit that a glance can take in."""
    minutes = max(0, microseconds) // MINUTE_US
    if minutes < 1:
        return text("console.age.seconds", language, count=max(0, microseconds) // 1_000_000)
    if minutes < 120:
        return text("console.age.minutes", language, count=minutes)
    if minutes < 48 * 60:
        return text("console.age.hours", language, count=minutes // 60)
    return text("console.age.days", language, count=minutes // (24 * 60))


@pass_context
def _clock(context: Context, at: int | None) -> str:
    """`03:00:05`."""
    return "" if at is None else f"{local(at, context['zone']):%H:%M:%S}"


@pass_context
def _moment(context: Context, at: int | None) -> str:
    """`2026-09-23 03:00`."""
    return "" if at is None else f"{local(at, context['zone']):%Y-%m-%d %H:%M}"


@pass_context
def _rfc_moment(context: Context, at: str | None) -> str:
    """The same of a time that is RFC 3339 already."""
    return "" if at is None else f"{datetime.fromisoformat(at).astimezone(context['zone']):%Y-%m-%d %H:%M}"


@pass_context
def _iso(context: Context, at: int | None) -> str:
    """For `<time datetime>`."""
    return "" if at is None else local(at, context["zone"]).isoformat(timespec="seconds")


@pass_context
def _age(context: Context, at: int) -> str:
    """How long ago."""
    return age_text(context["now"] - at, context["language"])


@pass_context
def _duration(context: Context, microseconds: float) -> str:
    """How long."""
    return age_text(round(microseconds), context["language"])


@pass_context
def _until(context: Context, at: int) -> str:
    """How long until then, or since."""
    return age_text(abs(at - context["now"]), context["language"])


@pass_context
def _word(context: Context, value: object, table: str) -> str:
    """A value of a data word in the reader's language: `state|word("notify.state")`; itself where unknown."""
    return catalogue(context["language"]).get(f"{table}.{value}", str(value))
