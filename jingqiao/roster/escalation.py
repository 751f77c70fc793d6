"""Which step of an escalation is due at a moment. Pure functions of time; nothing here waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.limits import Who
from config.roster import Escalation

_MINUTE_US = 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class DueStep:
    """One step.

    index : int  Its number, counted from 0 and on through the repeats.
    at : int  When it is due [µs since 1970 UTC].
    who : tuple[Who, ...]  Whom it tells.
    """

    index: int
    at: int
    who: tuple[Who, ...]


def step_at(policy: Escalation, since: int, index: int) -> DueStep | None:
    """The step of a number; None after the last.

    since : int  Since when an answer is awaited [µs since 1970 UTC].
    """
    steps = policy.steps
    if index < len(steps):
        return DueStep(index, since + _us(steps[index].after_min), steps[index].who)
    again = index - len(steps) + 1
    if policy.repeat_min <= 0 or again > policy.repeats:
        return None
    everybody = tuple(dict.fromkeys(word for step in steps for word in step.who))
    return DueStep(index, since + _us(steps[-1].after_min + again * policy.repeat_min), everybody)


def steps_due(policy: Escalation, since: int, done: int, now: int) -> Iterator[DueStep]:
    """Steps that are due by `now`, the first `done` of them left out, in their order."""
    index = done
    while (step := step_at(policy, since, index)) is not None and step.at <= now:
        yield step
        index += 1


def _us(minutes: float) -> int:
    return round(minutes * _MINUTE_US)
