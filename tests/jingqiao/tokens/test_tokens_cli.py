"""`jingqiao tokens`: made, shown once, listed without secrets, revoked."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jingqiao.cli import main


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "jingqiao.toml").write_text(f'database = "sqlite:///{tmp_path}/jingqiao.db"\n', "utf-8")
    return tmp_path / "jingqiao.toml"


def say(settings: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["tokens", *words, "-c", str(settings)])


def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(settings: Path) -> None:
    added = json.loads(
        say(settings, "add", "一网统管", "--scope", "cap:read", "--scope", "cases:read", "--json").stdout
    )
    listed = say(settings, "list", "--json").stdout
    (row,) = json.loads(listed)
    assert added["token"].startswith("jq_")
    assert added["token"] not in listed
    assert (row["name"], row["scopes"], row["state"]) == ("一网统管", ["cap:read", "cases:read"], "good")
    assert say(settings, "revoke", "1", "--who", "li").exit_code == 0
    (row,) = json.loads(say(settings, "list", "--json").stdout)
    assert (row["state"], row["revoked_by"]) == ("revoked", "li")
    assert say(settings, "revoke", "1").exit_code == 1


def test_a_token_ends_after_a_year_unless_told_otherwise(settings: Path) -> None:
    year = json.loads(say(settings, "add", "a", "--scope", "cap:read", "--json").stdout)
    never = json.loads(say(settings, "add", "b", "--scope", "cap:read", "--no-end", "--json").stdout)
    assert year["expires_at"] is not None
    assert never["expires_at"] is None


@pytest.mark.parametrize("words", [(), ("--scope", "everything"), ("--scope", "cap:read", "--to", "-2h")])
def test_a_token_for_nothing_for_what_is_not_there_or_over_already_is_wrong_use(
    settings: Path, words: tuple[str, ...]
) -> None:
    assert say(settings, "add", "x", *words).exit_code == 2
