"""Which overrides hold at a time of day, and when that changes next."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from config.rules import Hours, RuleSet
from rules.detector import FAR

SECOND: Final = 1_000_000
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def active(rules: RuleSet, now: int) -> tuple[bool, ...]:
    """Whether each override holds at `now` [µs]; one without hours always does."""
    if not any(override.when for override in rules.override):
        return (True,) * len(rules.override)
    local = _local(now, rules)
    return tuple(override.when is None or _within(override.when, local) for override in rules.override)


def next_change(rules: RuleSet, now: int) -> int:
    """Earliest moment after `now` [µs] at which hours begin or end; FAR = there are none."""
    hours = [override.when for override in rules.override if override.when is not None]
    if not hours:
        return FAR
    zone = ZoneInfo(rules.timezone)
    today = _local(now, rules).date()
    moments = (
        _micros(datetime.combine(today + timedelta(days=days), clock, zone))
        for when in hours
        for clock in (when.start, when.end)
        for days in range(-1, 3)
    )
    return min(moment for moment in moments if moment > now)


def _within(when: Hours, local: datetime) -> bool:
    clock = local.time()
    if when.start < when.end:
        return when.start <= clock < when.end and _on(when, local.date())
    # Hours over midnight belong to the day on which they begin; equal ends are the whole day.
    if clock >= when.start:
        return _on(when, local.date())
    return clock < when.end and _on(when, local.date() - timedelta(days=1))


def _on(when: Hours, day: date) -> bool:
    return not when.weekdays or _DAYS[day.weekday()] in when.weekdays


def _local(now: int, rules: RuleSet) -> datetime:
    whole, rest = divmod(now, SECOND)
    moment = datetime.fromtimestamp(whole, UTC) + timedelta(microseconds=rest)
    return moment.astimezone(ZoneInfo(rules.timezone))


def _micros(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds
