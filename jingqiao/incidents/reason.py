"""Why an alarm was raised, in a sentence of the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.messages import Language, catalogue

UNKNOWN: Final = (None, "?")
"""How a value says that it is not known (yet)."""


def sentence(key: str, values: Mapping[str, Any], language: Language) -> str:
    """The catalogue's sentence with its values; what it cannot say is shown as it is: showing beats failing.

    Where a value is not known and the catalogue has `KEY_without_NAME`, that is said instead: "? µε a month"
    tells nobody anything.
    """
    known = catalogue(language)
    key = next(
        (
            shorter
            for name, value in values.items()
            if value in UNKNOWN and (shorter := f"{key}_without_{name}") in known
        ),
        key,
    )
    if "label" in values:
        # What a client calls the levels is his; only the shipped names are translated.
        label = values["label"]
        values = {**values, "label": known.get(f"rules_bridge.label.{label}", label)}
    template = known.get(key)
    if template is None:
        return key
    try:
        return template.format(**values)
    except (KeyError, IndexError, ValueError, TypeError):
        return template
