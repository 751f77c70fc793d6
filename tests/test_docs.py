"""What people read keeps up with what there is: commands, settings, links, both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

from config.roster import Roster
from config.settings import Settings
from jingqiao.cli import main

ROOT = Path(__file__).parent.parent
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
GUIDES = tuple(sorted((ROOT / "docs").glob("*.md")))
MAX_README_LINES = 265

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def read(path: Path) -> str:
    return path.read_text("utf-8")


def everything() -> str:
    return "\n".join(read(path) for path in (*READMES[:1], *GUIDES))


def commands(group: click.Group, name: str) -> Iterator[str]:
    context = click.Context(group)
    for child in group.list_commands(context):
        command = group.get_command(context, child)
        yield f"{name} {child}"
        if isinstance(command, click.Group):
            yield from commands(command, f"{name} {child}")


def keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def tables(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and all models inside it."""
    found = [model]
    for field in model.model_fields.values():
        found += [inner for part in parts(field.annotation) for inner in tables(part)]
    return list(dict.fromkeys(found))


def parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from parts(argument)


def anchors(text: str) -> set[str]:
    """GitHub's anchors of the headings."""
    heads = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def blocks(text: str) -> list[str]:
    return _FENCE.findall(text)


@pytest.mark.parametrize("command", list(commands(main, "jingqiao")))
def test_a_command_is_documented(command: str) -> None:
    """As `jingqiao incidents ack`, or among others as `jingqiao incidents list|ack|close`."""
    *group, name = command.split()
    alternatives = rf"(?:[\w-]+\|)*{re.escape(name)}(?![\w-])"
    line = f"{re.escape(' '.join(group))} {alternatives}"
    assert re.search(line, everything()), f"no guide says what `{command}` is for"


@pytest.mark.parametrize("model", tables(Settings))
def test_a_setting_is_documented(model: type[BaseModel]) -> None:
    guide = read(ROOT / "docs" / "settings.md")
    named = set(re.findall(r"`\[*(\w+)\]*`", guide))
    assert keys(model) - named == set()


@pytest.mark.parametrize("model", tables(Roster))
def test_a_key_of_the_roster_is_documented(model: type[BaseModel]) -> None:
    named = set(re.findall(r"\b\w+\b", read(ROOT / "docs" / "roster.md")))
    assert keys(model) - named == set()


def test_both_readmes_say_the_same() -> None:
    english, chinese = map(read, READMES)
    assert blocks(english) == blocks(chinese)
    levels = [re.findall(r"^(#+) ", _FENCE.sub("", text), re.MULTILINE) for text in (english, chinese)]
    assert levels[0] == levels[1]
    links = [{link for link in _LINK.findall(text) if "README" not in link} for text in (english, chinese)]
    assert links[0] == links[1]


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)
def test_a_readme_can_be_read_in_one_go(path: Path) -> None:
    assert len(read(path).splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("path", [*READMES, *GUIDES, ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_links_to_files_of_the_tree_lead_somewhere(path: Path) -> None:
    dead = []
    for link in _LINK.findall(_FENCE.sub("", read(path))):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (path.parent / target).resolve() if target else path
        if not there.exists() or (anchor and anchor not in anchors(read(there))):
            dead.append(link)
    assert dead == []
