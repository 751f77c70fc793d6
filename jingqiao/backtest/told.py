"""Who would have been told of what a rule set rang for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from config.roster import Roster
from devices.registry import Registry
from jingqiao.backtest.rung import rung
from jingqiao.incidents.facts import asset_facts
from jingqiao.roster.duty import people_for, who_is_on
from rules.alarm import AlarmChange

ANYONE: Final = "anyone"
"""Who is told of everything, where no roster says who is on duty."""


def messages(
    changes: Iterable[AlarmChange], registry: Registry, roster: Roster | None = None
) -> dict[str, int]:
    """Person → messages that he would have been the first to get: one for each alarm, and one more each time
    that it grew graver.

    Nothing is counted of escalation, silences and summaries, which depend on who answers.
    """
    tally: Counter[str] = Counter()
    for alarm in rung(changes).values():
        for severity, at in alarm.rises:
            if roster is None:
                tally[ANYONE] += 1
                continue
            facts = asset_facts(registry, alarm.asset_id, next(iter(alarm.sensor_ids), ""))
            duty = who_is_on(roster, at, facts.district, facts.kind, alarm.asset_id)
            tally.update(people_for(duty, roster.policy(severity.colour).steps[0].who))
    return dict(tally.most_common())
