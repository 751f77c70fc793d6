"""The one catalogue of sentences that people read: Chinese by default, English by a setting.

Sentences lie in `locale/<language>/*.toml`; a key is `<file>.<table path>`, a sentence is a
`str.format` template. A test holds that both languages have the same keys and placeholders.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["zh", "en"]


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """All sentences of a language, keyed `file.path.to.sentence`."""
    sentences: dict[str, str] = {}
    for entry in files("config").joinpath("locale", language).iterdir():
        if entry.name.endswith(".toml"):
            _flatten(entry.name.removesuffix(".toml"), tomllib.loads(entry.read_text("utf-8")), sentences)
    return sentences


def text(key: str, language: Language = "zh", /, **values: object) -> str:
    """The sentence `key` with its placeholders filled.

    Raises KeyError for an unknown key: a missing sentence is a defect, not something to show.
    """
    return catalogue(language)[key].format(**values)


def _flatten(prefix: str, table: Mapping[str, object], into: dict[str, str]) -> None:
    for key, value in table.items():
        name = f"{prefix}.{key}"
        if isinstance(value, Mapping):
            _flatten(name, value, into)
        else:
            into[name] = str(value)


def spoken(environment: Mapping[str, str] | None = None) -> Language:
    """The language of whoever reads faults: JINGQIAO_LANGUAGE, else Chinese."""
    chosen = (os.environ if environment is None else environment).get("JINGQIAO_LANGUAGE", "zh")
    return "en" if chosen == "en" else "zh"
