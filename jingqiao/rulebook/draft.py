"""A draft of the rules' file: made from what a form says, judged as `check` does, put in place whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from config.faults import Fault, FaultsError
from config.rules import RuleSet, load_rules
from devices.registry import Registry
from rules.thresholds import check, resolve

LONGEST: Final = 200_000
"""Characters that a rules' file may have on the console."""


@dataclass(frozen=True, slots=True)
class NewOverride:
    """Other limits for some assets: `where` key → value, and `key` (`lid.tilt_defect_deg`) → `value`."""

    where: Mapping[str, str]
    key: str
    value: str


def judged(text: str, name: str, registry: Registry) -> tuple[RuleSet | None, list[Fault]]:
    """The rules of a text, or every fault of it as the file `name`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.toml"
        path.write_text(text, "utf-8")
        try:
            rules = load_rules(path)
            faults = check(rules)
            if faults:
                raise FaultsError(faults)
            resolve(rules, registry)
        except FaultsError as error:
            return None, [replace(fault, file=name) for fault in error.faults]
    return rules, []


def edited(
    text: str,
    limits: Mapping[str, str],
    new: NewOverride | None = None,
    removed: Collection[int] = (),
) -> str:
    """The text with some limits changed, an override added and some taken away; comments stay.

    limits : `lid.tilt_defect_deg` → what somebody wrote; "" = back to the default. removed : numbers of
    overrides, from 0. A value that is no number is written as text: judging names it.
    Raises TOMLKitError where the text is no TOML.
    """
    document = tomlkit.parse(text)
    for key, told in limits.items():
        _set(document, key, told)
    overrides = document.get("override")
    for number in sorted(set(removed), reverse=True):
        if overrides is not None and number < len(overrides):
            del overrides[number]
    if overrides is not None and not len(overrides):
        del document["override"]
    if new is not None:
        table = tomlkit.table()
        if new.where:
            where = tomlkit.inline_table()
            for key, value in new.where.items():
                where[key] = value_of(value) if key == "low_lying" else value
            table["where"] = where
        change = tomlkit.inline_table()
        change[new.key] = value_of(new.value)
        table["set"] = change
        if "override" not in document:
            document["override"] = tomlkit.aot()
        document["override"].append(table)
    return tomlkit.dumps(document)


def value_of(told: str) -> Any:
    """What somebody wrote, as TOML would have it: a number, yes or no, else text."""
    told = told.strip()
    try:
        return tomlkit.parse(f"x = {told}").unwrap()["x"]
    except TOMLKitError:
        return told


def put_in_place(path: Path, text: str) -> None:
    """The file with this text: whole, or as it was. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _set(document: tomlkit.TOMLDocument, key: str, told: str) -> None:
    table, _, name = key.partition(".")
    if told.strip() == "":
        if table in document and name in document[table]:
            del document[table][name]
        return
    if table not in document:
        document[table] = tomlkit.table()
    document[table][name] = value_of(told)
