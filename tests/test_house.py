"""The rules of the house that a machine can hold: who may import whom, one catalogue, no stray names."""

import ast
import re
import string
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from config.messages import catalogue

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("config", "devices", "ingest", "rules", "simulator", "jingqiao")
MAY_IMPORT = {
    "config": {"config"},
    "devices": {"config", "devices"},
    "ingest": {"config", "devices", "ingest"},
    "rules": {"config", "devices", "rules"},
    "simulator": {"config", "devices", "simulator"},
    "jingqiao": set(PACKAGES),
}


def project_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names & set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_data_flows_one_way_a_package_imports_only_what_stands_before_it(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): sorted(project_imports(path) - MAY_IMPORT[package])
        for path in (ROOT / package).rglob("*.py")
        if project_imports(path) - MAY_IMPORT[package]
    }
    assert wrong == {}


def test_rules_know_no_clock_no_files_and_no_asyncio() -> None:
    forbidden = {"asyncio", "time", "os", "pathlib", "socket", "threading", "random", "structlog"}
    wrong = {}
    for path in (ROOT / "rules").rglob("*.py"):
        names: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
        # Calendars are pure; asking what time it is, is not.
        names |= set(re.findall(r"\.(?:now|utcnow|today)\(", path.read_text("utf-8")))
        found = names & forbidden | {name for name in names if name.startswith(".")}
        if found:
            wrong[str(path.relative_to(ROOT))] = sorted(found)
    assert wrong == {}


def test_no_other_distribution_owns_our_package_names() -> None:
    owners = packages_distributions()
    assert {name: set(owners.get(name, ["jingqiao"])) for name in PACKAGES} == {
        name: {"jingqiao"} for name in PACKAGES
    }


def placeholders(sentence: str) -> set[str]:
    return {name.split(".")[0].split("[")[0] for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_sentences_with_the_same_placeholders() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert set(zh) == set(en)
    assert {k: placeholders(v) for k, v in zh.items()} == {k: placeholders(v) for k, v in en.items()}


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:work|root|home)/\w+|/tmp/(?!$)\w+")
    wrong = [
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*")
        if path.suffix in {".py", ".toml", ".md", ".yaml", ".yml", ".json", ".cfg"}
        and not {".venv", "node_modules", ".git"} & set(path.parts)
        and not any(part.startswith(".") for part in path.relative_to(ROOT).parts[:-1])
        and pattern.search(path.read_text("utf-8"))
    ]
    assert wrong == []
