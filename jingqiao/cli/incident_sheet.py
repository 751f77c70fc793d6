"""How commands show incidents: tables of lists and deadlines, words, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import click

from config.faults import FaultsError
from config.messages import Language, catalogue, text
from config.roster import load_roster
from config.settings import Settings
from jingqiao.cli.output import CHECK_FAILED, language, print_table
from jingqiao.clock import WallClock
from jingqiao.incidents.deadlines import Deadline, Deadlines
from jingqiao.incidents.incident import Incident, State
from jingqiao.incidents.view import reason_text
from jingqiao.notify.text import place, severity_name


def print_deadlines(deadlines: Sequence[Deadline], settings: Settings, tongue: Language) -> None:
    """The deadlines of one incident."""
    if not deadlines:
        return
    zone, now = ZoneInfo(settings.timezone), WallClock().now()
    print_table(
        columns(("stage", "within", "due", "met"), tongue),
        [
            (
                text(f"incidents.stage.{deadline.stage}", tongue),
                f"{deadline.within:g} {text(f'incidents.clock.{deadline.clock}', tongue)}",
                local_time(deadline.due_at, zone)
                + (text("notify.guessed", tongue) if deadline.guessed else ""),
                ("" if deadline.met_at is None else local_time(deadline.met_at, zone))
                + (f" {text('incidents.overdue', tongue)}" if deadline.overdue(now) else ""),
            )
            for deadline in deadlines
        ],
    )


def print_list(found: Sequence[Incident], settings: Settings, tongue: Language, deadlines: Deadlines) -> None:
    """Incidents as a table; what is overdue says so."""
    now, people = WallClock().now(), names_of(settings)
    zone = ZoneInfo(settings.timezone)
    rows: list[tuple[Any, ...]] = []
    for incident in found:
        value = "" if incident.value is None else f"{incident.value:.4g} {incident.unit}"
        if incident.is_area:
            value = reason_text(incident, tongue)
        state = state_word(incident.state, tongue)
        if any(d.met_at is None and d.overdue(now) for d in deadlines(incident)):
            state += f" {text('incidents.overdue', tongue)}"
        rows.append(
            (
                incident.id,
                severity_name(incident.severity, tongue),
                text(f"notify.hazard.{incident.hazard}", tongue),
                place(incident, tongue),
                state,
                local_time(incident.event_at, zone),
                value,
                people.get(who := incident.assignee or incident.acknowledged_by or "", who),
            )
        )
    names = ("id", "severity", "hazard", "place", "state", "since", "what", "who")
    print_table(columns(names, tongue), rows)


def names_of(settings: Settings) -> dict[str, str]:
    """Names of the roster's people by id; empty without a roster that can be read."""
    if settings.roster is None:
        return {}
    try:
        return {id_: person.name for id_, person in load_roster(settings.roster).people.items()}
    except FaultsError:
        return {}  # the commands that need the roster complain


def columns(names: tuple[str, ...], tongue: Language) -> list[str]:
    """Heads of a table."""
    return [text(f"incidents.column.{name}", tongue) for name in names]


def state_word(state: State, tongue: Language) -> str:
    """A state in words."""
    return text(f"notify.state.{state}", tongue)


def word(key: str, plain: str | None, tongue: Language) -> str:
    """A sentence of the catalogue; the plain word where it has none."""
    return catalogue(tongue).get(key, plain or "")


def local_time(at: int, zone: ZoneInfo) -> str:
    """A moment [µs since 1970 UTC] on the office's clock."""
    return f"{datetime.fromtimestamp(at / 1_000_000, zone):%Y-%m-%d %H:%M:%S}"


def unknown(incident_id: int) -> NoReturn:
    """There is no such incident: say so and exit."""
    refuse(text("incidents.unknown", language(), id=incident_id))


def refuse(problem: str) -> NoReturn:
    """Say why not and exit with `CHECK_FAILED`."""
    click.echo(problem, err=True)
    raise SystemExit(CHECK_FAILED)
