"""A start after a typo: the service watches with what it had."""

from pathlib import Path

import pytest

from config.faults import FaultsError
from config.rules import load_rules
from jingqiao.startup import good_or_last_good

GOOD = "[lid]\nopen_deg = 55\n"


def test_a_faulty_file_at_a_restart_gives_way_to_the_last_good_one(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(GOOD, "utf-8")
    first = good_or_last_good(file, load_rules, tmp_path / "data")
    file.write_text("[lid]\nopen_degg = 1\n", "utf-8")
    assert good_or_last_good(file, load_rules, tmp_path / "data") == first
    file.write_text(GOOD.replace("55", "58"), "utf-8")
    assert good_or_last_good(file, load_rules, tmp_path / "data").lid.open_deg == 58


def test_a_faulty_file_at_the_first_start_stops_it(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("[lid]\nopen_degg = 1\n", "utf-8")
    with pytest.raises(FaultsError, match="open_degg"):
        good_or_last_good(file, load_rules, tmp_path / "data")
