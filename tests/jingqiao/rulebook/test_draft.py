"""A draft of the rules keeps what people wrote, is judged as `check` does, and is put in place whole."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from devices.registry import Registry
from jingqiao.rulebook.draft import NewOverride, edited, judged, put_in_place
from jingqiao.rulebook.versions import difference

REGISTRY = Registry.of([{"asset_id": "A", "kind": "cover"}], [{"sensor_id": "s", "asset_id": "A"}])
TEXT = """# Our rules.
[lid]
tilt_attention_deg = 8  # after the storm of 2025

[[override]]
where = { low_lying = true }
set = { "health.silent_after_heartbeats" = 2.0 }
"""


def test_a_changed_limit_leaves_comments_and_everything_else_as_they_were() -> None:
    after = edited(TEXT, {"lid.tilt_attention_deg": "9.5", "health.battery_low_pct": "25"})
    assert "tilt_attention_deg = 9.5  # after the storm of 2025" in after
    assert after.startswith("# Our rules.\n")
    rules, faults = judged(after, "rules.toml", REGISTRY)
    assert faults == []
    assert rules is not None
    assert (rules.lid.tilt_attention_deg, rules.health.battery_low_pct) == (9.5, 25)
    assert len(rules.override) == 1


def test_an_empty_limit_goes_back_to_its_default() -> None:
    rules, _ = judged(edited(TEXT, {"lid.tilt_attention_deg": " "}), "", REGISTRY)
    assert rules is not None
    assert rules.lid.tilt_attention_deg == 10


def test_an_override_is_added_for_a_class_or_an_asset_and_taken_away() -> None:
    after = edited(TEXT, {}, NewOverride({"asset_id": "A"}, "lid.tilt_defect_deg", "12"))
    after = edited(after, {}, NewOverride({"load_class": "D400"}, "lid.flood_mm", "250"))
    rules, faults = judged(after, "", REGISTRY)
    assert faults == []
    assert rules is not None
    assert [o.where.model_dump(exclude_none=True) for o in rules.override] == [
        {"low_lying": True},
        {"asset_id": "A"},
        {"load_class": "D400"},
    ]
    bare, _ = judged(edited(after, {}, removed=[0, 2]), "", REGISTRY)
    assert bare is not None
    assert [o.where.asset_id for o in bare.override] == ["A"]
    assert "override" not in edited(TEXT, {}, removed=[0, 7])
    made = edited("", {"lid.flood_mm": "200"}, NewOverride({}, "lid.flood_mm", "100"))
    assert judged(made, "", REGISTRY)[1] == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[lid]\ntilt_attention_deg = 99", "tilt limits must rise"),
        ("[lid]\nno_such_key = 1", "no_such_key"),
        ("[[override]]\nset = { 'lid.none' = 1 }", "unknown key"),
        ("[lid", "TOML"),
        (edited("", {"lid.flood_mm": "many"}), "flood_mm"),
    ],
)
def test_faults_name_file_and_key(text: str, says: str) -> None:
    rules, faults = judged(text, "rules.toml", REGISTRY)
    assert rules is None
    assert all(fault.file == "rules.toml" for fault in faults)
    assert any(says in str(fault) for fault in faults), [str(f) for f in faults]


def test_the_file_is_put_in_place_whole_and_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("old", "utf-8")
    path.chmod(0o600)
    put_in_place(path, "new\n")
    assert path.read_text("utf-8") == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError, match="No such file"):
        put_in_place(tmp_path / "none" / "rules.toml", "x")


def test_the_difference_is_that_of_the_lines() -> None:
    lines = list(difference(TEXT, TEXT.replace("= 8 ", "= 9 ")))
    assert [line for line in lines if line[0] in "+-"] == [
        "-tilt_attention_deg = 8  # after the storm of 2025",
        "+tilt_attention_deg = 9  # after the storm of 2025",
    ]
    assert list(difference("a", "a")) == []
