"""Component codes (一盖一编号): what an asset_id says by GB/T 30428.2, and whether it can be right.

16 digits: 6 district + 2 class + 2 subclass + 6 serial. Some provinces use 19. The classes are data in
`component_classes.toml`, which a city may replace. A code that does not follow the scheme is a warning:
many cities start with numbers of their own; `strict` makes it a fault.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.faults import Fault
from config.messages import Language, text
from devices.registry import Assets, Kind

FAULTS_NAMED: Final = 20
"""So many ids of one trouble are named; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Lengths of a code's parts, in order.

    district, main_class, subclass, serial : int  Digits.
    """

    district: int
    main_class: int
    subclass: int
    serial: int

    @property
    def length(self) -> int:
        """Digits in all."""
        return self.district + self.main_class + self.subclass + self.serial


SCHEMES: Final[Mapping[str, Layout | None]] = MappingProxyType(
    {
        "national": Layout(6, 2, 2, 6),
        # 6 district + 3 subdistrict in the first part, as the 19-digit provinces write it
        "provincial-19": Layout(9, 2, 2, 6),
        "none": None,
    }
)
"""Name → layout of its codes; None = every id will do."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """How ids are judged.

    name : str  One of `SCHEMES`.
    strict : bool  What does not follow it is a fault, not a warning.
    classes : Path | None  A class table in place of the shipped one.
    """

    name: str = "national"
    strict: bool = False
    classes: Path | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A code's parts.

    district, main_class, subclass, serial : str  Digits.
    meaning : str  What the class table says of main_class + subclass; "" where it has none.
    """

    district: str
    main_class: str
    subclass: str
    serial: str
    meaning: str


def parse(code: str, scheme: Scheme = Scheme(), language: Language = "zh") -> Code | None:
    """The parts of a code, or None where it does not follow the scheme."""
    layout = SCHEMES[scheme.name]
    if layout is None or len(code) != layout.length or not (code.isascii() and code.isdigit()):
        return None
    a = layout.district
    b = a + layout.main_class
    c = b + layout.subclass
    meaning = class_table(scheme.classes).get(code[a:c], {}).get(language, "")
    return Code(code[:a], code[a:b], code[b:c], code[c:], meaning)


@cache
def class_table(path: Path | None = None) -> Mapping[str, Mapping[str, str]]:
    """Class + subclass → language → meaning; the shipped table, or the one at `path`."""
    source = (path or files("devices").joinpath("component_classes.toml")).read_text("utf-8")
    return MappingProxyType(tomllib.loads(source)["classes"])


def check_assets(assets: Assets, scheme: Scheme, file: str, language: Language = "zh") -> list[Fault]:
    """What is odd about the covers' codes, a line a kind of trouble; bridges' ids are free."""
    layout = SCHEMES[scheme.name]
    if layout is None or not len(assets):
        return []
    ids = assets.texts["asset_id"].filter(pa.array(assets.kind == Kind.COVER))
    fits = pc.match_substring_regex(ids, f"^[0-9]{{{layout.length}}}$")
    warnings = _named("no_code", ids.filter(pc.invert(fits)), file, language, length=layout.length)
    codes = ids.filter(fits)
    start, stop = layout.district, layout.district + layout.main_class + layout.subclass
    known = pa.array(list(class_table(scheme.classes)), pa.string())
    of_class = pc.is_in(pc.utf8_slice_codeunits(codes, start, stop), known)
    warnings += _named("unknown_class", codes.filter(pc.invert(of_class)), file, language)
    serial_zero = pc.match_substring_regex(codes, f"0{{{layout.serial}}}$")
    return warnings + _named("serial_zero", codes.filter(serial_zero), file, language)


def unfit_rows(ids: pa.Array, covers: np.ndarray, scheme: Scheme) -> list[int]:
    """Rows of covers whose id does not follow a strict scheme; none where it is not strict."""
    layout = SCHEMES[scheme.name]
    if layout is None or not scheme.strict:
        return []
    fits = pc.match_substring_regex(ids, f"^[0-9]{{{layout.length}}}$").to_numpy(zero_copy_only=False)
    return [int(row) for row in np.flatnonzero(covers & ~fits)]


def _named(key: str, ids: pa.Array, file: str, language: Language, **values: object) -> list[Fault]:
    if not len(ids):
        return []
    listed = ", ".join(ids.slice(0, FAULTS_NAMED).to_pylist()) + (" …" if len(ids) > FAULTS_NAMED else "")
    problem = text(f"component_codes.{key}.problem", language, count=len(ids), ids=listed, **values)
    return [Fault(file, None, "asset_id", problem, text(f"component_codes.{key}.remedy", language))]
