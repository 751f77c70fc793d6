"""`jingqiao decode` as a transcript: what is typed, what comes out, how it ends."""

import json

import pytest
from click.testing import CliRunner, Result

from devices.codecs.catalogue import CODECS
from jingqiao.cli import main


def run(*words: str, language: str = "en") -> Result:
    return CliRunner().invoke(main, ["decode", *words], env={"JINGQIAO_LANGUAGE": language, "COLUMNS": "120"})


def test_readings_come_as_json_with_true_and_false_and_no_trace_of_32_bits() -> None:
    result = run("--model", "em400-mud", "--port", "85", "--json", "01755c0367010104824408050001")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [
        {"temperature_c": 25.7, "battery_pct": 92.0, "distance_mm": 2116.0, "tilt_alarm": True}
    ]


@pytest.mark.parametrize(
    "pasted", [["01 75 5c"], ["01:75:5C"], ["0x01,0x75,0x5c"], ["01", "75", "5c"], ["01-75-5c"]]
)
def test_hex_is_read_as_people_paste_it(pasted: list[str]) -> None:
    assert json.loads(run("--model", "EM320-TILT", "--json", *pasted).stdout) == [{"battery_pct": 92.0}]


def test_a_stored_record_shows_its_own_time() -> None:
    result = run("--model", "em500-udl", "--json", "20ce 809d5563 f401")
    assert json.loads(result.stdout) == [{"t": "2022-10-23T20:01:04Z", "distance_mm": 500.0}]


def test_a_refused_payload_ends_with_1_and_its_reason() -> None:
    result = run("--model", "em320-tilt", "--json", "01755c03d40000")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"error": "byte 5: item 03 d4 needs 6 bytes of data, found 2"}
    assert "byte 5" in result.stderr


def test_a_value_that_cannot_be_is_refused() -> None:
    result = run("--model", "em320-tilt", "01 75 ff")
    assert result.exit_code == 1
    assert "battery_pct is 255 %; believable is 0 to 100" in result.stderr


def test_a_wrong_port_is_refused_where_the_maker_fixes_it() -> None:
    result = run("--model", "dc410", "--port", "4", "800001021106a400160100000000010081")
    assert result.exit_code == 1
    assert "port must be 3, found 4" in result.stderr


def test_a_notice_says_what_it_says_and_gives_no_readings() -> None:
    result = run("--model", "r718x", "--port", "7", "--json", "8134000000000000000000")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == []
    assert "answer to command 0x01" in result.stderr


@pytest.mark.parametrize("language", ["zh", "en"])
def test_people_get_a_table_in_their_language(language: str) -> None:
    result = run("--model", "em320-tilt", "01755c03d4000001005046", language=language)
    assert result.exit_code == 0
    for word in ("tilt_deg", "tilt_alarm", "true", "倾角" if language == "zh" else "Inclination"):
        assert word in result.stdout


@pytest.mark.parametrize(
    "words",
    [["--model", "em320", "01"], ["--model", "em320-tilt", "0g"], ["--model", "em320-tilt", "012"], ["01"]],
)
def test_wrong_use_ends_with_2(words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_an_unknown_model_names_the_nearest() -> None:
    assert "em320-tilt" in run("--model", "em320tilt", "01").stderr


def test_every_model_of_the_catalogue_can_be_asked_for() -> None:
    for model in CODECS:
        assert run("--model", model, "--json", "00").exit_code == 1
