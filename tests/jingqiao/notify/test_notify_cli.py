"""`jingqiao notify`: says what really happened, shows no key."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from jingqiao.cli import main
from tests.support.http_fake import HttpFake
from tests.support.providers import WeCom
from tests.support.response import ROSTER, Office, change


def run(folder: Path, *arguments: str) -> Result:
    (folder / "jingqiao.toml").write_text('data_dir = "."\nroster = "roster.toml"\n')
    return CliRunner(env={"JINGQIAO_LANGUAGE": "en"}).invoke(
        main, [*arguments[:2], "-c", str(folder / "jingqiao.toml"), *arguments[2:]]
    )


def test_every_channel_of_a_person_is_tried_and_a_refusal_is_said(tmp_path: Path) -> None:
    provider = WeCom()
    with HttpFake(provider) as fake:
        urls = [f'"wecombot://{key}?endpoint={fake.url}"' for key in ("KEY", "WRONG-KEY")]
        (tmp_path / "roster.toml").write_text(ROSTER.replace('"phone://zhang"', ", ".join(urls)))
        done = run(tmp_path, "notify", "test", "zhang", "--json")
    assert done.exit_code == 1
    assert [(row["result"], row["provider_code"]) for row in json.loads(done.stdout)] == [
        ("sent", "0"),
        ("failed_permanent", "93000"),
    ]
    assert "演练" in provider.got[0]
    assert "KEY" not in done.stdout


def test_somebody_unknown_is_named_with_those_who_are_known(tmp_path: Path) -> None:
    (tmp_path / "roster.toml").write_text(ROSTER)
    done = run(tmp_path, "notify", "test", "zhao")
    assert (done.exit_code, done.stderr) == (
        2,
        "the roster has no 'zhao'; it has: zhang, li, wang, office\n",
    )


async def test_the_outbox_is_listed_with_its_tries(tmp_path: Path) -> None:
    office = Office(tmp_path, url=f"sqlite:///{tmp_path}/jingqiao.sqlite")
    await office.engine_says(change())
    office.close()
    (row,) = json.loads(run(tmp_path, "notify", "list", "--json").stdout)
    assert (row["person"], row["state"], row["attempts"][0]["channel"]) == ("zhang", "sent", "phone")
    assert run(tmp_path, "notify", "list", "--state", "failed").stdout == "the outbox is empty\n"
