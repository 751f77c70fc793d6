"""`jingqiao simulate`: play a scenario to a broker, or to files for a backtest."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import click

from config.faults import FaultsError
from config.messages import text
from devices.import_csv import read_registry
from devices.registry import Kind, Registry, Role
from jingqiao.cli.output import fail_with, language, print_json
from jingqiao.clock import ScaledClock, WallClock
from simulator import offline, publish, scenario, truth
from simulator.fleet import Fleet

SHIPPED: Final = Path(scenario.__file__).parent.parent / "config" / "examples" / "ezhou" / "scenarios"


@click.command()
@click.argument("name", metavar="SCENARIO")
@click.option("--broker", metavar="URL", help="Publish there: mqtt://[user:password@]host[:port].")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write files there instead.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "csv", "jsonl"]),
    default="parquet",
    show_default=True,
    help="Of the readings' file.",
)
@click.option("--assets", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--sensors", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), help="Simulated seconds a second.")
@click.option("--realtime", is_flag=True, help="The same as --speed 1 --from-now.")
@click.option("--from-now", is_flag=True, help="Let the scenario start now, not at its own date.")
@click.option("--seed", type=click.IntRange(min=0), help="Other chances than the scenario's own.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="Stop publishing after so long.")
@click.option(
    "--truth", "truth_file", type=click.Path(path_type=Path, dir_okay=False), help="Keep the truth there."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def simulate(
    name: str,
    broker: str | None,
    out: Path | None,
    file_format: str,
    assets: Path | None,
    sensors: Path | None,
    speed: float | None,
    realtime: bool,
    from_now: bool,
    seed: int | None,
    seconds: float | None,
    truth_file: Path | None,
    as_json: bool,
) -> None:
    """Play SCENARIO (a TOML file, or demo, healthy, storm, gateway-outage) with ground truth.

    Without --speed messages go out as fast as the broker takes them, with the scenario's own times. A
    service refuses times that lie ahead of its clock: with a live service use --realtime.
    """
    if (broker is None) == (out is None):
        raise click.UsageError(text("simulator.broker_or_out", language()))
    path = _scenario_path(name)
    home = path.resolve().parent.parent
    asset_file, sensor_file = assets or home / "assets.csv", sensors or home / "sensors.csv"
    try:
        scene = scenario.load(path)
        if realtime or from_now:
            start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=WallClock().now())
            scene = scene.model_copy(update={"start": start.astimezone(scene.start.tzinfo)})
        registry = read_registry(asset_file, sensor_file, language=language())
        if out is not None:
            summary = _to_files(registry, scene, seed, out, asset_file, sensor_file, file_format)
        else:
            summary = _to_broker(
                registry, scene, seed, cast(str, broker), 1.0 if realtime else speed, seconds, truth_file
            )
    except FaultsError as error:
        fail_with(error)
    if as_json:
        print_json(summary)
    else:
        click.echo(text(f"simulator.{'written' if out else 'published'}", language(), **summary))


def _scenario_path(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return path
    shipped = SHIPPED / f"{name}.toml"
    if not shipped.exists():
        known = ", ".join(sorted(found.stem for found in SHIPPED.glob("*.toml")))
        raise click.UsageError(text("simulator.unknown_scenario", language(), name=name, known=known))
    return shipped


def _to_files(
    registry: Registry,
    scene: scenario.Scenario,
    seed: int | None,
    out: Path,
    asset_file: Path,
    sensor_file: Path,
    file_format: str,
) -> dict[str, Any]:
    fleet = offline.play(registry, scene, seed)
    path = offline.write(out, fleet, _rows(asset_file), _rows(sensor_file), cast(offline.Format, file_format))
    exposure = {
        "scenario": scene.name,
        "seed": scene.seed if seed is None else seed,
        "start": truth.rfc3339(scene.start_us),
        "days": scene.days,
        "lid_years": int((registry.assets.kind == Kind.COVER).sum()) * scene.days / 365.25,
        "channel_years": int((registry.sensors.role == Role.GAUGE).sum()) * scene.days / 365.25,
    }
    (out / "scenario.json").write_text(json.dumps(exposure, ensure_ascii=False, indent=2) + "\n", "utf-8")
    return exposure | {"file": str(path), "readings": fleet.readings.num_rows, "events": len(fleet.truth)}


def _to_broker(
    registry: Registry,
    scene: scenario.Scenario,
    seed: int | None,
    broker: str,
    speed: float | None,
    seconds: float | None,
    truth_file: Path | None,
) -> dict[str, Any]:
    try:
        address = publish.Broker.of(broker)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--broker") from None
    fleet = Fleet(registry, scene, seed)
    if truth_file:
        truth.write(truth_file, fleet.truth)
    began = time.monotonic()

    def over() -> bool:
        return seconds is not None and time.monotonic() - began >= seconds

    clock = ScaledClock(scene.start_us, speed) if speed else None
    step_s = 0.2 * (speed or 1.0)
    sent = asyncio.run(publish.publish(fleet, address, clock, step_s=step_s, until=over))
    took = time.monotonic() - began
    return {
        "scenario": scene.name,
        "seed": fleet.seed,
        "start": truth.rfc3339(scene.start_us),
        "messages": sent,
        "seconds": round(took, 3),
        "per_second": round(sent / took, 1),
        "events": len(fleet.truth),
    }


def _rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
