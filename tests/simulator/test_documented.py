"""The guide names everything that a scenario can stage, with its parameters."""

from pathlib import Path

import simulator
from simulator.scenario import KINDS

GUIDE = Path(simulator.__file__).parent.parent / "docs" / "simulator.md"


def test_every_kind_is_in_the_guide_with_its_hazard_and_parameters() -> None:
    rows = {
        cells[1].strip("` "): (cells[2], cells[3])
        for line in GUIDE.read_text("utf-8").splitlines()
        if line.startswith("| `") and len(cells := line.split("|")) == 5
    }
    assert set(KINDS) == set(rows)
    for kind, (_, hazard, parameters) in KINDS.items():
        said_hazard, said_parameters = rows[kind]
        assert (hazard or "nothing") in said_hazard, kind
        missing = {p for p in parameters if f"`{p}`" not in said_parameters}
        assert missing == set(), kind
