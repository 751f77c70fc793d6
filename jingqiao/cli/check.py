"""`jingqiao check`: settings, registry, roster and rules, every fault at once with file, key and remedy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from config.faults import Fault, FaultsError
from config.messages import text
from config.roster import Person, load_roster
from config.rules import RuleSet, load_rules
from config.settings import Settings, load_settings
from config.toml_file import read
from devices.registry import Registry
from jingqiao.cli.output import CHECK_FAILED, fault_rows, language, print_json
from rules.alarm import Severity
from rules.thresholds import meet_nothing, resolve


@click.command
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path("jingqiao.toml"),
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print the faults as JSON.")
def check(file: Path, as_json: bool) -> None:
    """Check everything that people have written: settings, registry, roster, rules."""
    faults, checked = find_faults(file)
    if as_json:
        print_json({"ok": not faults, "checked": checked, "faults": fault_rows(FaultsError(faults))})
    else:
        for fault in faults:
            click.echo(str(fault), err=True)
        if faults:
            click.echo(text("check.faults", language(), count=len(faults)), err=True)
        else:
            click.echo(text("check.ok", language(), files="、".join(checked)))
    if faults:
        raise SystemExit(CHECK_FAILED)


def find_faults(file: Path) -> tuple[list[Fault], list[str]]:
    """Every fault of the settings file and of the files that it names, and the files that were read."""
    try:
        settings = load_settings(file)
    except FaultsError as error:
        return list(error.faults), [str(file)]
    faults: list[Fault] = []
    checked = [str(file)]
    for paths, examine in _examinations(settings):
        checked += [str(path) for path in paths]
        try:
            examine()
        except FaultsError as error:
            faults += error.faults
    if settings.roster is None:
        faults.append(
            Fault(
                str(file),
                None,
                "roster",
                text("check.no_roster", language()),
                text("check.no_roster_remedy", language()),
            )
        )
    if not settings.mqtt:
        faults.append(
            Fault(
                str(file),
                None,
                "mqtt",
                text("check.no_source", language()),
                text("check.no_source_remedy", language()),
            )
        )
    return faults, checked


def idle_overrides(file: Path, rules: RuleSet, registry: Registry) -> list[Fault]:
    """Overrides of the file that hold for no asset of the registry."""
    faults = []
    for number in meet_nothing(rules, registry):
        where = rules.override[number].where.model_dump(exclude_none=True)
        named = ", ".join(f"{key} = {value}" for key, value in where.items())
        problem = text("check.idle_override", language(), where=named)
        remedy = text("check.idle_override_remedy", language())
        faults.append(Fault(str(file), None, f"override.{number}.where", problem, remedy))
    return faults


def _examinations(settings: Settings) -> list[tuple[list[Path], Callable[[], object]]]:
    from devices.import_csv import read_registry  # noqa: PLC0415 - pyarrow takes its time

    found: list[tuple[list[Path], Callable[[], object]]] = []
    files = settings.registry
    if files.assets is not None and files.sensors is not None:
        assets, sensors = files.assets, files.sensors

        def registry_and_rules() -> None:
            registry = read_registry(assets, sensors, crs=files.crs)
            if settings.rules is not None:
                rules = load_rules(settings.rules)
                resolve(rules, registry)
                if idle := idle_overrides(settings.rules, rules, registry):
                    raise FaultsError(idle)

        found.append(([assets, sensors], registry_and_rules))
    if settings.rules is not None:
        rules = settings.rules
        found.append(([rules], lambda: load_rules(rules)))
    if settings.roster is not None:
        roster = settings.roster
        found.append(([roster], lambda: _roster_and_channels(roster)))
    return found


def _roster_and_channels(file: Path) -> None:
    """Raises FaultsError; of a channel only its name is told, for its URL holds keys."""
    from jingqiao.notify.apprise_sender import channel_problem  # noqa: PLC0415 - apprise takes its time

    roster = load_roster(file)
    _, lines = read(file)
    faults = []
    for id_, person in roster.people.items():
        for number, channel in enumerate(person.channels):
            problem = channel_problem(channel.url)
            if problem is not None:
                place = next(
                    (lines[key] for key in (("people", id_, "channels"), ("people", id_)) if key in lines),
                    None,
                )
                field = f"people.{id_}.channels.{number}"
                remedy = text("check.channel_remedy", language())
                faults.append(Fault(str(file), place, field, f"{channel.name}: {problem}", remedy))
        faults += _unreachable(str(file), lines, id_, person)
    if faults:
        raise FaultsError(faults)


def _unreachable(
    file: str, lines: Mapping[tuple[str | int, ...], int], id_: str, person: Person
) -> list[Fault]:
    """Severities of which somebody could not be told: channels may be for some of them only."""
    from jingqiao.notify.ways import ways  # noqa: PLC0415 - apprise takes its time

    missing = [severity.colour for severity in reversed(Severity) if not ways(person, severity)]
    if not person.channels or not missing:
        return []
    problem = text("check.no_way", language(), severities=", ".join(missing))
    remedy = text("check.no_way_remedy", language())
    return [Fault(file, lines.get(("people", id_)), f"people.{id_}.channels", problem, remedy)]
