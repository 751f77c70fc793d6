"""TOML into models: every fault at once, with its line."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from config.faults import FaultsError
from config.toml_file import key_lines, load


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGQIAO_LANGUAGE", "en")


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    minutes: int = 5


class Office(BaseModel):
    model_config = ConfigDict(extra="forbid")
    language: str = "zh"
    people: list[Person] = Field(default_factory=list)


def faults(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> list[str]:
    path = tmp_path / "office.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(FaultsError) as raised:
        load(path, Office, environment or {})
    return [str(fault).removeprefix(str(path)) for fault in raised.value.faults]


def test_every_fault_comes_at_once_with_its_line(tmp_path: Path) -> None:
    text = 'langage = "en"\n[[people]]\nname = "a"\nminutes = "x"\n\n[[people]]\nminutes = 3\n'
    assert faults(tmp_path, text) == [
        ":4: people.0.minutes: 'x': an integer is wanted",
        ":6: people.1.name: missing → add it",
        ":1: langage: unknown key → did you mean language?",
    ]


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    assert faults(tmp_path, 'language = "${NOBODY}"\n') == [
        ":1: language: environment variable NOBODY is not set → set NOBODY, or remove it here"
    ]


def test_a_variable_is_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "office.toml"
    path.write_text('language = "${WORD}-x"\n', "utf-8")
    assert load(path, Office, {"WORD": "en"}).language == "en-x"


def test_a_missing_file_and_broken_syntax_say_so(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="file not found"):
        load(tmp_path / "none.toml", Office)
    assert faults(tmp_path, "language = \n")[0].startswith(":1: no TOML: Invalid value")


def test_lines_of_tables_arrays_and_dotted_keys() -> None:
    lines = key_lines("[a]\nb.c = 1\n[[d]]\nx = 1\n[[d]]\n[d.e]\ny = 2\n")
    assert lines[("a", "b", "c")] == 2
    assert lines[("d", 0, "x")] == 4
    assert lines[("d", 1, "e", "y")] == 7


def test_faults_are_told_in_chinese_where_nothing_else_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JINGQIAO_LANGUAGE")
    text = 'langage = "en"\n[[people]]\nname = 5\nminutes = "x"\n'
    assert faults(tmp_path, text) == [
        ":3: people.0.name: 5：应为加引号的文字",
        ":4: people.0.minutes: 'x'：应为整数",
        ":1: langage: 没有这个键 → 是不是要写 language？",
    ]
