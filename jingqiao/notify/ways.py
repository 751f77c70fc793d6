"""By which of a person's channels a message goes: as the roster says, and by what a channel is meant for."""

from __future__ import annotations

from config.roster import Channel, Person
from jingqiao.notify.channels import meant_for
from rules.alarm import Severity


def fits(channel: Channel, severity: Severity) -> bool:
    """Whether a channel is used for a severity; where the roster does not say, its kind decides."""
    only = meant_for(channel.url) if channel.only is None else channel.only
    return not only or severity.colour in only


def ways(person: Person | None, severity: int, via: str | None = None) -> tuple[Channel, ...]:
    """Channels for a message in the order in which they are tried; () where none is meant for it.

    via : str | None  The message goes by the channel of this name only, beside the one that goes first.
    """
    if person is None:
        return ()
    fitting = tuple(channel for channel in person.channels if fits(channel, Severity(severity)))
    if via is not None:
        return tuple(channel for channel in fitting if channel.name == via)[:1]
    return tuple(channel for channel in fitting if not channel.beside) or fitting


def beside(person: Person | None, severity: int) -> tuple[str, ...]:
    """Names of the channels that are used at the same time as the first of `ways`."""
    if person is None:
        return ()
    first = {channel.name for channel in ways(person, severity)}
    fitting = (c for c in person.channels if c.beside and fits(c, Severity(severity)))
    return tuple(dict.fromkeys(channel.name for channel in fitting if channel.name not in first))
