"""What is wrong between the parts of a roster, with the line of each fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from config.faults import Fault
from config.limits import ROLE
from config.shifts import week_gaps, week_time

if TYPE_CHECKING:
    from config.roster import Roster


def roster_faults(roster: Roster, file: str, lines: Mapping[tuple[str | int, ...], int]) -> Iterator[Fault]:
    """Everything that is wrong between the parts of a roster: unknown people, roles, teams, and holes.

    lines : place in the file → its line.
    """

    def at(*path: str | int) -> int | None:
        return next((lines[path[:k]] for k in range(len(path), 0, -1) if path[:k] in lines), None)

    known = ", ".join(roster.people)
    for place, name in _mentions(roster):
        if name not in roster.people:
            field = ".".join(str(part) for part in place)
            yield Fault(
                file, at(*place), field, f"nobody is called {name!r}", f"add [people.{name}], or use: {known}"
            )
    for id_, person in roster.people.items():
        if not person.channels:
            yield Fault(
                file,
                at("people", id_),
                f"people.{id_}.channels",
                "cannot be told anything",
                'add a channel, e.g. channels = ["wecombot://KEY"]',
            )
    roles = {role for person in roster.people.values() for role in person.roles}
    for place, word in _words(roster):
        if word.startswith(ROLE) and word.removeprefix(ROLE) not in roles:
            field = ".".join(str(part) for part in place)
            remedy = f"give somebody roles = [{word.removeprefix(ROLE)!r}]"
            yield Fault(file, at(*place), field, f"nobody has the {word!r}", remedy)
    ids = [team.id for team in roster.teams]
    for i, team in enumerate(roster.teams):
        if team.id in ids[:i]:
            yield Fault(file, at("teams", i, "id"), f"teams.{i}.id", f"{team.id!r} twice", "rename one")
        for start, end in week_gaps(team.shifts, roster.handover):
            yield Fault(
                file,
                at("teams", i),
                f"teams.{i}.shifts",
                f"team {team.id!r} has nobody from {week_time(start)} to {week_time(end)}",
                "add a shift for that time, or lengthen one",
            )
    for i, override in enumerate(roster.overrides):
        if override.team not in ids:
            yield Fault(
                file,
                at("overrides", i, "team"),
                f"overrides.{i}.team",
                f"no team {override.team!r}",
                f"use one of: {', '.join(ids)}",
            )


def _words(roster: Roster) -> Iterator[tuple[Sequence[str | int], str]]:
    """Words for people, with their places in the file."""
    for colour, policy in roster.escalation.items():
        for i, step in enumerate(policy.steps):
            for word in step.who:
                yield ("escalation", colour, "steps", i, "who"), word
    for i, limit in enumerate(roster.limits):
        for word in limit.urge:
            yield ("limits", i, "urge"), word


def _mentions(roster: Roster) -> Iterator[tuple[Sequence[str | int], str]]:
    yield ("fallback",), roster.fallback
    for i, team in enumerate(roster.teams):
        for role in ("deputy", "leader"):
            if (name := getattr(team, role)) is not None:
                yield ("teams", i, role), name
        for k, shift in enumerate(team.shifts):
            for person in shift.people:
                yield ("teams", i, "shifts", k, "people"), person
            for person in dict.fromkeys(person for group in shift.rotation for person in group):
                yield ("teams", i, "shifts", k, "rotation"), person
            if shift.deputy is not None:
                yield ("teams", i, "shifts", k, "deputy"), shift.deputy
    for i, override in enumerate(roster.overrides):
        for person in override.people:
            yield ("overrides", i, "people"), person
        if override.instead_of is not None:
            yield ("overrides", i, "instead_of"), override.instead_of
        for role in ("deputy", "leader"):
            if (name := getattr(override, role)) is not None:
                yield ("overrides", i, role), name
