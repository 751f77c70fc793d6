"""The example city is what its generator makes, and what the registry import accepts."""

from pathlib import Path

import numpy as np

from config.rules import load_rules
from config.settings import load_settings
from devices.import_csv import read_registry
from devices.registry import Kind, Role
from simulator import example_city, scenario

FOLDER = Path(example_city.__file__).parent.parent / "config" / "examples" / "ezhou"


def test_the_files_are_what_the_generator_makes(tmp_path: Path) -> None:
    example_city.write(tmp_path)
    for name in ("assets.csv", "sensors.csv"):
        assert (FOLDER / name).read_text("utf-8") == (tmp_path / name).read_text("utf-8"), name


def test_the_registry_import_accepts_every_row() -> None:
    registry = read_registry(FOLDER / "assets.csv", FOLDER / "sensors.csv")
    assert int((registry.assets.kind == Kind.COVER).sum()) == 500
    assert int((registry.assets.kind == Kind.BRIDGE).sum()) == 1
    assert int((registry.sensors.role == Role.GAUGE).sum()) == 12
    assert int((registry.sensors.role == Role.TEMPERATURE).sum()) == 4
    watched = np.unique(registry.sensors.asset[registry.sensors.role == Role.LID])
    assert 450 <= len(watched) <= 500


def test_covers_have_component_codes_of_echeng_and_lie_there() -> None:
    assets, _ = example_city.rows()
    covers = [row for row in assets if row["kind"] == "cover"]
    assert all(len(row["asset_id"]) == 16 and row["asset_id"].startswith("42070401") for row in covers)
    assert len({row["asset_id"] for row in covers}) == len(covers)
    assert all(114.85 < float(row["lon"]) < 114.92 and 30.36 < float(row["lat"]) < 30.42 for row in covers)


def test_the_settings_and_the_rules_load() -> None:
    assert load_settings(FOLDER / "jingqiao.toml").registry.assets == FOLDER / "assets.csv"
    assert load_rules(FOLDER / "rules.toml").override


def test_every_shipped_scenario_loads() -> None:
    found = sorted((FOLDER / "scenarios").glob("*.toml"))
    assert found
    assert all(scenario.load(path).name == path.stem for path in found)
