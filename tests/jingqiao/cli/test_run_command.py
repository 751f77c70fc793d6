"""`jingqiao run` where it cannot: a sentence with a remedy, never two services on one directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from jingqiao.cli import main
from jingqiao.one_at_a_time import AlreadyRunningError, alone


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def run(folder: Path) -> Result:
    (folder / "jingqiao.toml").write_text("")
    arguments = ["run", "-c", str(folder / "jingqiao.toml")]
    return CliRunner(env={"JINGQIAO_LANGUAGE": "en"}).invoke(main, arguments)


def test_a_second_service_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with alone(tmp_path / "data"):
        result = run(tmp_path)
    assert (result.exit_code, "another service works on" in result.stderr) == (1, True)


def test_a_directory_that_was_let_go_can_be_held_again(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path), pytest.raises(AlreadyRunningError), alone(tmp_path):
            pass


def test_a_data_directory_that_cannot_be_made_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, no folder")
    result = run(tmp_path)
    assert (result.exit_code, "jingqiao doctor" in result.stderr) == (1, True)
