"""`jingqiao dead-letters` shows what could not be used, to people and to programs."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner

from ingest.dead_letters import delete_before, mark_retried, newest, one
from ingest.log import DeadLetter
from ingest.sqlite_log import SqliteLog
from jingqiao.cli import main

AT = 1_760_000_000_000_000


@pytest.fixture
def log_path(tmp_path):
    path = tmp_path / "log.sqlite"

    async def fill():
        log = SqliteLog(path)
        await log.append(
            [],
            [
                DeadLetter(AT, "jingqiao/v1/a/readings", b'{"tilt_deg":999}', "range", "tilt_deg: 999"),
                DeadLetter(AT + 1_000_000, "jingqiao/v1/b/readings", b"\xff\x00", "utf8", "byte 0"),
                DeadLetter(AT + 2_000_000, "x", "井".encode(), "range", "…"),
            ],
        )
        log.close()

    asyncio.run(fill())
    return path


def ask(*arguments):
    return CliRunner().invoke(main, ["dead-letters", *map(str, arguments)])


def test_the_newest_come_first_with_time_reason_and_text(log_path):
    letters = json.loads(ask("list", "--log", log_path, "--json").output)
    assert [letter["number"] for letter in letters] == [3, 2, 1]
    assert letters[2] == {
        "number": 1,
        "received": "2025-10-09T08:53:20.000Z",
        "topic": "jingqiao/v1/a/readings",
        "reason": "range",
        "detail": "tilt_deg: 999",
        "retried": None,
        "payload_encoding": "text",
        "payload": '{"tilt_deg":999}',
    }


def test_bytes_that_are_no_text_are_shown_in_hexadecimal(log_path):
    assert json.loads(ask("show", "2", "--log", log_path, "--json").output)["payload"] == "ff00"
    assert "ff00" in ask("show", "2", "--log", log_path).output
    assert "井" in ask("show", "3", "--log", log_path).output


def test_the_list_is_narrowed_by_reason_topic_and_time(log_path):
    def numbers(*options):
        return [x["number"] for x in json.loads(ask("list", "--log", log_path, "--json", *options).output)]

    assert numbers("--reason", "range") == [3, 1]
    assert numbers("--topic", "v1/b/") == [2]
    assert numbers("--since", "2025-10-09T08:53:21Z") == [3, 2]
    assert numbers("--since", "2025-10-09T16:53:22+08:00") == [3]
    assert numbers("--limit", "1") == [3]


def test_reasons_are_counted(log_path):
    assert json.loads(ask("count", "--log", log_path, "--json").output) == {"range": 2, "utf8": 1}
    assert "range" in ask("count", "--log", log_path).output


def test_the_settings_name_the_log_where_no_file_is_given(log_path):
    settings = log_path.parent / "jingqiao.toml"
    settings.write_text(f'data_dir = "{log_path.parent}"\n')
    assert len(json.loads(ask("list", "-c", settings, "--json").output)) == 3


def test_a_missing_log_or_letter_is_said_and_is_an_exit_code(log_path, tmp_path):
    missing = ask("list", "--log", tmp_path / "none.sqlite")
    assert missing.exit_code == 2
    assert "none.sqlite" in missing.output
    assert ask("show", "77", "--log", log_path).exit_code == 1
    assert ask("list", "--log", log_path, "--since", "yesterday").exit_code == 2


def test_letters_are_marked_and_deleted(log_path):
    assert mark_retried(log_path, 1, AT + 5)
    assert not mark_retried(log_path, 99, AT + 5)
    assert one(log_path, 1).retried == AT + 5
    assert delete_before(log_path, AT + 1_000_000) == 1
    assert [letter.number for letter in newest(log_path)] == [3, 2]
