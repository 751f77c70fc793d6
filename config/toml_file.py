"""Load a TOML file into a pydantic model, with every fault named by file, line, key and remedy."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config.faults import Fault, FaultsError
from config.messages import catalogue, spoken, text

Model = TypeVar("Model", bound=BaseModel)

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"))*)\s*=""")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def load(path: Path, model: type[Model], environment: Mapping[str, str] | None = None) -> Model:
    """The file as the model; `${NAME}` in any string is taken from the environment.

    Raises FaultsError with all faults at once: unreadable, no TOML, unknown or missing keys, wrong values,
    variables that are not set.
    """
    document, lines = read(path, environment)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise FaultsError(faults_of(error, str(path), lines, model)) from None


def read(
    path: Path, environment: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], Mapping[tuple[str | int, ...], int]]:
    """The document with variables filled in, and the line of each key path. Raises FaultsError."""
    try:
        source = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _single(path, None, "file_missing") from None
    except UnicodeDecodeError as error:
        raise _single(path, None, "not_utf8", byte=error.start) from None
    except OSError as error:
        raise _single(path, None, "unreadable", reason=error.strerror) from None
    try:
        document = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+)", str(error))
        problem = str(error).split(" (at", maxsplit=1)[0]
        raise _single(path, int(place[1]) if place else None, "syntax", reason=problem) from None
    lines = key_lines(source)
    faults: list[Fault] = []
    filled = _fill(document, (), os.environ if environment is None else environment, str(path), lines, faults)
    if faults:
        raise FaultsError(faults)
    assert isinstance(filled, dict)
    return filled, lines


def key_lines(source: str) -> dict[tuple[str | int, ...], int]:
    """Line, counted from 1, of every table and key of a TOML text; inline tables count as their key."""
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    for number, line in enumerate(source.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = _resolve(_parts(header[2]), counts)
            if header[1] == "[[":
                index = counts.get(table, -1) + 1
                counts[table] = index
                lines.setdefault(table, number)
                table = (*table, index)
            lines.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key:
            path = (*table, *_parts(key[1]))
            for depth in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:depth], number)
    return lines


def faults_of(
    error: ValidationError,
    file: str,
    lines: Mapping[tuple[str | int, ...], int],
    model: type[BaseModel],
) -> list[Fault]:
    """Pydantic's errors as faults with the line of the key, or of the nearest table around it."""
    return [_fault(item, file, lines, model) for item in error.errors(include_url=False)]


def _fault(item: Any, file: str, lines: Mapping[tuple[str | int, ...], int], model: type[BaseModel]) -> Fault:
    location = tuple(item["loc"])
    while location and location not in lines and not isinstance(location[-1], str):
        location = location[:-1]
    line = next((lines[location[:k]] for k in range(len(location), 0, -1) if location[:k] in lines), None)
    name = ".".join(str(part) for part in item["loc"])
    match item["type"]:
        case "extra_forbidden":
            known = _known_keys(model, item["loc"][:-1])
            close = difflib.get_close_matches(str(item["loc"][-1]), known, 1)
            remedy = (
                _say("unknown_key.did_you_mean", key=close[0])
                if close
                else _say("unknown_key.remedy", known=", ".join(known))
            )
            return Fault(file, line, name, _say("unknown_key.problem"), remedy)
        case "missing":
            return Fault(file, line, name, _say("missing.problem"), _say("missing.remedy"))
        case kind:
            problem = _value_problem(kind, str(item["msg"]), item.get("ctx", {}))
            if isinstance(item["input"], str | int | float | bool):
                problem = _say("value.given", value=repr(item["input"]), problem=problem)
            return Fault(file, line, name, problem, "")


def _value_problem(kind: str, message: str, facts: Mapping[str, object]) -> str:
    """A pydantic error in our words; what the catalogue lacks (our own validators) as it was raised."""
    if f"faults.value.{kind}" in catalogue(spoken()):
        return _say(f"value.{kind}", **facts)
    return message.removeprefix("Value error, ")


def _say(key: str, /, **values: object) -> str:
    return text(f"faults.{key}", spoken(), **values)


def _known_keys(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    current: Any = model
    for part in location:
        if isinstance(part, int) or not hasattr(current, "model_fields"):
            continue
        field = next(
            (f for name, f in current.model_fields.items() if part in (name, f.alias)),
            None,
        )
        if field is None:
            return []
        current = _inner_model(field.annotation)
    if not hasattr(current, "model_fields"):
        return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _inner_model(argument)
        if inner is not None:
            return inner
    return None


def _fill(
    value: Any,
    location: tuple[str | int, ...],
    environment: Mapping[str, str],
    file: str,
    lines: Mapping[tuple[str | int, ...], int],
    faults: list[Fault],
) -> Any:
    if isinstance(value, dict):
        return {k: _fill(v, (*location, k), environment, file, lines, faults) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, (*location, i), environment, file, lines, faults) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in dict.fromkeys(_VARIABLE.findall(value)):
        if name not in environment:
            line = next(
                (lines[location[:k]] for k in range(len(location), 0, -1) if location[:k] in lines), None
            )
            field = ".".join(str(part) for part in location)
            faults.append(
                Fault(
                    file,
                    line,
                    field,
                    _say("variable.problem", name=name),
                    _say("variable.remedy", name=name),
                )
            )
    return _VARIABLE.sub(lambda match: environment.get(match[1], ""), value)


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(a or b or c for a, b, c in re.findall(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""", dotted))


def _resolve(parts: Sequence[str], counts: Mapping[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    """The path with the running index behind every array of tables that it passes through."""
    path: tuple[str | int, ...] = ()
    for i, part in enumerate(parts):
        path = (*path, part)
        if i < len(parts) - 1 and path in counts:
            path = (*path, counts[path])
    return path


def _single(path: Path, line: int | None, key: str, /, **values: object) -> FaultsError:
    problem, remedy = (_say(f"{key}.{part}", **values) for part in ("problem", "remedy"))
    return FaultsError([Fault(str(path), line, "", problem, remedy)])
