"""`jingqiao demo`: the main job, whole, as somebody sees it who has typed `make demo`."""

import json
import subprocess
import sys

FOUND = {"missing", "sunken", "loose", "drift", "tilted", "flooded"}


def demo(*arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jingqiao", "demo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )


def test_every_staged_hazard_is_found_and_delivered_and_nobody_is_called_out_for_nothing() -> None:
    done = demo("--json", timeout_s=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert result["complete"]
    assert (result["missed"], result["false"]) == ([], [])
    required = [event for event in result["events"] if event["required"]]
    assert {event["hazard"] for event in required} >= FOUND
    assert [event for event in required if not (event["detected"] and event["delivered"])] == []


def test_a_minute_is_enough_to_see_every_hazard_found_and_delivered() -> None:
    done = demo("--seconds", "60", "--json", timeout_s=180)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    result = json.loads(done.stdout)
    assert (result["missed"], result["false"]) == ([], [])
    required = [event for event in result["events"] if event["required"]]
    staged_and_not = {event["hazard"] for event in [*required, *result["not_staged"]]}
    assert staged_and_not >= FOUND
    assert {event["hazard"] for event in required if event["delivered"]} >= {
        "missing",
        "sunken",
        "loose",
        "drift",
    }
    assert result["readings"] >= result["published"] > 0


def test_it_ends_by_itself_after_the_seconds_it_was_given() -> None:
    done = demo("--seconds", "5", timeout_s=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "演示在场景结束前停止" in done.stdout
    assert "没有演示" in done.stdout
    assert done.stderr == ""
