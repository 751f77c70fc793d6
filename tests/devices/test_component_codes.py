"""Component codes: what they say, and which are odd."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.faults import FaultsError
from devices.codecs.catalogue import CODECS
from devices.component_codes import Scheme, check_assets, parse
from devices.import_csv import asset_table, assets_of
from devices.models import MODELS
from devices.quantities import QUANTITIES
from devices.registry import Registry


def assets(*ids: str, kind: str = "cover"):
    return Registry.of([{"asset_id": i, "kind": kind} for i in ids], []).assets


def test_a_national_code_is_taken_apart():
    code = parse("4207040103000123")
    assert (code.district, code.main_class, code.subclass, code.serial) == ("420704", "01", "03", "000123")
    assert code.meaning == "雨水井盖"
    assert parse("4207040103000123", language="en").meaning == "storm drain cover"
    assert parse("4207040199000123").meaning == ""


@pytest.mark.parametrize("code", ["", "LID-001", "420704010300012", "42070401030001234", "４207040103000123"])
def test_what_is_no_code_has_no_parts(code):
    assert parse(code) is None


def test_a_provincial_code_has_19_digits():
    code = parse("4207040010103000123", Scheme("provincial-19"))
    assert (code.district, code.serial, code.meaning) == ("420704001", "000123", "雨水井盖")


def test_odd_codes_of_covers_are_warned_of_and_bridges_are_free():
    odd = assets("LID-1", "4207040199000001", "4207040103000000", "4207040103000001")
    warnings = check_assets(odd, Scheme(), "assets.csv", "en")
    assert [str(warning).count("LID-1") for warning in warnings] == [1, 0, 0]
    assert "4207040199000001" in str(warnings[1])
    assert "4207040103000000" in str(warnings[2])
    assert check_assets(assets("Q-1", kind="bridge"), Scheme(), "assets.csv") == []
    assert check_assets(odd, Scheme("none"), "assets.csv") == []


def test_a_city_may_bring_its_own_class_table(tmp_path: Path):
    table = tmp_path / "classes.toml"
    table.write_text('[classes]\n"0199" = { zh = "热水井盖", en = "hot water cover" }\n', "utf-8")
    assert parse("4207040199000123", Scheme(classes=table)).meaning == "热水井盖"


def test_a_strict_scheme_makes_an_odd_code_a_fault_with_its_line(tmp_path: Path):
    path = tmp_path / "assets.csv"
    path.write_text("asset_id,kind\n4207040103000001,cover\nLID-1,cover\nQ-1,bridge\n", "utf-8")
    with pytest.raises(FaultsError) as caught:
        assets_of(asset_table(path), scheme=Scheme(strict=True))
    assert [(fault.line, fault.field) for fault in caught.value.faults] == [(3, "asset_id")]


def test_every_model_that_a_codec_decodes_may_stand_in_the_registry_and_no_other():
    assert set(MODELS) == {"native", *CODECS}


def test_models_measure_quantities_that_exist():
    assert {quantity for known in MODELS.values() for quantity in known} <= set(QUANTITIES)
