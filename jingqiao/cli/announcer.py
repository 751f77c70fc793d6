"""Who tells the others when a command changes an incident."""

from __future__ import annotations

import click

from config.faults import FaultsError
from config.messages import Language, text
from config.roster import load_roster
from config.settings import Settings
from jingqiao.cli.settings_option import database_or_exit
from jingqiao.clock import WallClock
from jingqiao.incidents.event import Announcer
from jingqiao.notify.planner import Planner, QuietAnnouncer
from jingqiao.roster.current import current_roster


def announcer_of(settings: Settings, tongue: Language) -> Announcer:
    """The planner on the present roster; a broken roster must not keep anybody from answering."""
    if settings.roster is None:
        return QuietAnnouncer()
    try:
        roster = load_roster(settings.roster)
    except FaultsError as error:
        click.echo(text("incidents.nobody_told", tongue, problem=error.faults[0]), err=True)
        return QuietAnnouncer()
    current = current_roster(database_or_exit(settings), roster, WallClock().now())
    return Planner(lambda: current)
