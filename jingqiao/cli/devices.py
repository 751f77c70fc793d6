"""`jingqiao devices`: take sensors in, move and replace them, give them accounts, send them commands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from config.messages import text
from config.settings import Settings
from devices.models import MODELS
from devices.registry import Role
from jingqiao.cli.asset_sheet import local
from jingqiao.cli.device_versions import COMMANDS, device_table
from jingqiao.cli.dossier_options import city_option, database_of, json_option, now, refuse, who_option
from jingqiao.cli.output import language, print_json
from jingqiao.commands import queue
from jingqiao.commands.payloads import CommandError
from jingqiao.database import reading
from jingqiao.dossier.entries import UnknownAssetError, UnknownSensorError
from jingqiao.dossier.plain import instant_text
from jingqiao.provisioning import devices as sensors
from jingqiao.provisioning import mosquitto
from jingqiao.provisioning.discovery import discovered as unknown_senders

_why = click.option("--why", default="", help="The reason, for the record.")


@click.group()
def group() -> None:
    """Sensors: provisioning, commissioning, commands."""


for _command in COMMANDS:
    group.add_command(_command)


@group.command()
@click.argument("sensor_id")
@click.argument("asset_id")
@click.option("--model", type=click.Choice(list(MODELS)), default="native", show_default=True)
@click.option("--role", type=click.Choice([r.name.lower() for r in Role]), default=None)
@click.option("--location", default="", help="Where on the asset.")
@click.option("--section", default="", help="Of a bridge.")
@click.option("--group", "group_", default="", help="Of gauges that are compared.")
@click.option("--heartbeat", "heartbeat_s", type=click.FloatRange(min=0, min_open=True), help="[s]")
@click.option("--e-gpa", type=click.FloatRange(min=0, min_open=True), help="Young's modulus [GPa].")
@click.option("--alpha-per-c", type=click.FloatRange(min=0, min_open=True), help="Expansion [1/°C].")
@click.option("--strain-min-ue", type=float, help="Design worst case [µε].")
@click.option("--strain-max-ue", type=float, help="Design worst case [µε].")
@click.option("--design-live-ue", type=click.FloatRange(min=0, min_open=True), help="Design vehicle's [µε].")
@click.option("--design-min", type=float, help="Design value [mm, ° or °C, by the role].")
@click.option("--design-max", type=float, help="Design value [mm, ° or °C, by the role].")
@click.option("--account", is_flag=True, help="Also give it an account at the broker.")
@_why
@who_option
@json_option
@city_option
def add(
    sensor_id: str,
    asset_id: str,
    model: str,
    role: str | None,
    group_: str,
    account: bool,
    why: str,
    who: str,
    as_json: bool,
    settings: Settings,
    **facts: Any,
) -> None:
    """Take a new sensor in and bind it; what it sent before is put through again."""
    database = database_of(settings)
    known = {name: value for name, value in facts.items() if value not in (None, "")} | {"group": group_}
    with _refusals():
        if account:
            mosquitto.check_user(sensor_id)
        sensors.add(
            database, sensor_id, asset_id, model=model, role=role, facts=known, at=now(), who=who, why=why
        )
        password = mosquitto.give_credential(database, sensor_id, at=now(), who=who) if account else None
    if as_json:
        print_json({"sensor_id": sensor_id, "asset_id": asset_id, "password": password})
        return
    click.echo(text("devices_.bound", language(), sensor_id=sensor_id, asset_id=asset_id))
    if password is not None:
        click.echo(text("devices_.password", language(), sensor_id=sensor_id, password=password))


@group.command()
@click.argument("sensor_id")
@click.argument("asset_id")
@click.option("--model", type=click.Choice(list(MODELS)), default="native", help="Of a discovered sensor.")
@click.option("--role", type=click.Choice([r.name.lower() for r in Role]), help="Of a discovered sensor.")
@_why
@who_option
@city_option
def bind(
    sensor_id: str, asset_id: str, model: str, role: str | None, why: str, who: str, settings: Settings
) -> None:
    """Bind a sensor to an asset: one that was unbound, moved, or discovered."""
    database = database_of(settings)
    with _refusals():
        try:
            sensors.bind(database, sensor_id, asset_id, at=now(), who=who, why=why)
        except UnknownSensorError:
            senders = unknown_senders(settings.log_path, database, with_refused=True)
            if not any(sensor_id in sender.names for sender in senders):
                raise  # a slip of the pen would watch a lid with a sensor that does not exist
            sensors.add(database, sensor_id, asset_id, model=model, role=role, at=now(), who=who, why=why)
    click.echo(text("devices_.bound", language(), sensor_id=sensor_id, asset_id=asset_id))


@group.command()
@click.argument("sensor_id")
@_why
@who_option
@city_option
def unbind(sensor_id: str, why: str, who: str, settings: Settings) -> None:
    """Take a sensor off its asset; it stays known, and what it sends is kept."""
    with _refusals():
        sensors.unbind(database_of(settings), sensor_id, at=now(), who=who, why=why)
    click.echo(text("devices_.unbound", language(), sensor_id=sensor_id))


@group.command()
@click.argument("old_id")
@click.argument("new_id")
@click.option("--model", type=click.Choice(list(MODELS)), default=None, help="By default that of the old.")
@_why
@who_option
@city_option
def replace(old_id: str, new_id: str, model: str | None, why: str, who: str, settings: Settings) -> None:
    """Put sensor NEW_ID in the place of OLD_ID."""
    database = database_of(settings)
    with _refusals():
        sensors.replace(database, old_id, new_id, model=model, at=now(), who=who, why=why)
        mosquitto.revoke_credential(database, old_id, at=now())
    click.echo(text("devices_.replaced", language(), old_id=old_id, new_id=new_id))


@group.command("list")
@click.option("--unbound", is_flag=True, help="Only those bound to nothing.")
@json_option
@city_option
def list_(unbound: bool, as_json: bool, settings: Settings) -> None:
    """List sensors and what they are bound to."""
    with reading(database_of(settings)) as connection:
        found = sensors.listed(connection, only_unbound=unbound)
    if as_json:
        print_json(found)
        return
    columns = ("sensor_id", "asset_id", "model", "role", "location", "heartbeat_s")
    device_table(columns, [[row[name] for name in columns] for row in found])


@group.command()
@click.option("--all", "with_refused", is_flag=True, help="Also those that were refused.")
@json_option
@city_option
def discovered(with_refused: bool, as_json: bool, settings: Settings) -> None:
    """List senders that the registry does not know; nothing they sent is lost."""
    found = unknown_senders(settings.log_path, database_of(settings), with_refused=with_refused)
    rows: list[dict[str, Any]] = [
        {
            "sensor_id": sender.names[0],
            "also": list(sender.names[1:]),
            "messages": sender.messages,
            "first": instant_text(sender.first),
            "last": instant_text(sender.last),
            "topic": sender.topic,
            "refused": sender.refused,
        }
        for sender in found
    ]
    if as_json:
        print_json(rows)
        return
    device_table(
        ("sensor_id", "also", "messages", "first", "last", "topic"),
        [
            (
                r["sensor_id"],
                ", ".join(r["also"]),
                r["messages"],
                local(r["first"], settings.zone),
                local(r["last"], settings.zone),
                r["topic"],
            )
            for r in rows
        ],
    )


@group.command("refuse")
@click.argument("sensor_id")
@_why
@who_option
@city_option
def refuse_(sensor_id: str, why: str, who: str, settings: Settings) -> None:
    """Strike an unknown sender from the list: it is not ours. Binding it later takes that back."""
    sensors.refuse(database_of(settings), sensor_id, at=now(), who=who, why=why)
    click.echo(text("devices_.refused", language(), sensor_id=sensor_id))


@group.command()
@click.argument("sensor_ids", nargs=-1, required=True)
@who_option
@json_option
@city_option
def account(sensor_ids: tuple[str, ...], who: str, as_json: bool, settings: Settings) -> None:
    """Give sensors fresh accounts at the broker; each password is shown once and kept nowhere."""
    database = database_of(settings)
    made: dict[str, str] = {}
    with _refusals():
        for sensor_id in sensor_ids:
            made[sensor_id] = mosquitto.give_credential(database, sensor_id, at=now(), who=who)
    if as_json:
        print_json(made)
        return
    for sensor_id, password in made.items():
        click.echo(text("devices_.password", language(), sensor_id=sensor_id, password=password))


@group.command()
@click.argument("sensor_id")
@city_option
def revoke(sensor_id: str, settings: Settings) -> None:
    """Take a sensor's account at the broker away."""
    if not mosquitto.revoke_credential(database_of(settings), sensor_id, at=now()):
        refuse("devices_.no_account", sensor_id=sensor_id)
    click.echo(text("devices_.revoked", language(), sensor_id=sensor_id))


@group.command("broker-files")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--service-user", default="jingqiao", show_default=True, help="Jingqiao's own account.")
@click.option(
    "--service-password",
    envvar="JINGQIAO_BROKER_PASSWORD",
    prompt=True,
    hide_input=True,
    help="Its password.",
)
@click.option("--platform-user", default=None, help="Account of a LoRaWAN network server.")
@click.option("--platform-password", envvar="JINGQIAO_PLATFORM_PASSWORD", default=None, help="Its password.")
@city_option
def broker_files(
    folder: Path,
    service_user: str,
    service_password: str,
    platform_user: str | None,
    platform_password: str | None,
    settings: Settings,
) -> None:
    """Write Mosquitto's password and ACL files into FOLDER: a device may write only its own topics."""
    if (platform_user is None) != (platform_password is None):
        raise click.UsageError("--platform-user and its password come together")
    platforms = (
        {platform_user: mosquitto.hash_password(platform_password)}
        if platform_user and platform_password
        else {}
    )
    with _refusals():
        count = mosquitto.write_files(
            database_of(settings),
            folder,
            service=(service_user, mosquitto.hash_password(service_password)),
            platforms=platforms,
        )
    click.echo(text("devices_.broker_files", language(), folder=folder, count=count))


@group.command()
@click.argument("sensor_id")
@click.option("--why", required=True, help="The reason, for the record.")
@click.option("--anyway", is_flag=True, help="Although its asset is in alarm: that alarm will end.")
@who_option
@city_option
def rebaseline(sensor_id: str, why: str, anyway: bool, who: str, settings: Settings) -> None:
    """Take a sensor's baseline anew from its next stable readings."""
    with _refusals():
        try:
            sensors.rebaseline(database_of(settings), sensor_id, at=now(), who=who, why=why, anyway=anyway)
        except sensors.AlarmFiringError as error:
            refuse("devices_.in_alarm", sensor_id=sensor_id, incident=error.incident_id)
    click.echo(text("devices_.rebaseline", language(), sensor_id=sensor_id))


@group.command()
@click.argument("sensor_id")
@click.option("--set", "pairs", multiple=True, required=True, metavar="NAME=VALUE", help="What to set.")
@click.option("--application", default=None, help="ChirpStack application id of the device.")
@click.option("--dev-eui", default=None, help="By default the sensor's id.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=1), default=None, help="[s]")
@who_option
@json_option
@city_option
def command(
    sensor_id: str,
    pairs: tuple[str, ...],
    application: str | None,
    dev_eui: str | None,
    timeout_s: float | None,
    who: str,
    as_json: bool,
    settings: Settings,
) -> None:
    """Queue a command, e.g. --set report_interval_s=600; the service sends it and waits for the answer."""
    with _refusals():
        command_id = queue.enqueue(
            database_of(settings),
            sensor_id,
            _pairs(pairs),
            at=now(),
            who=who,
            application=application,
            dev_eui=dev_eui,
            timeout_s=timeout_s,
        )
    if as_json:
        print_json({"id": command_id})
        return
    click.echo(text("devices_.queued", language(), sensor_id=sensor_id, command_id=command_id))


@group.command()
@click.option("--sensor", "sensor_id", default=None, help="Only of this sensor.")
@click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True)
@json_option
@city_option
def commands(sensor_id: str | None, limit: int, as_json: bool, settings: Settings) -> None:
    """List commands and what became of them, the newest first."""
    database = database_of(settings)
    queue.time_out(database, now())
    with reading(database) as connection:
        found = queue.listed(connection, sensor_id, limit)
    if as_json:
        print_json(found)
        return
    device_table(
        ("command", "sensor_id", "set", "state", "requested_at", "sent_at", "ended_at", "who", "answer"),
        [
            (
                row["id"][:8],
                row["sensor_id"],
                ", ".join(f"{name}={value}" for name, value in row["set"].items()),
                text(f"devices_.state.{row['state']}", language()),
                *(local(row[name], settings.zone) for name in ("requested_at", "sent_at", "ended_at")),
                row["who"],
                row["answer"],
            )
            for row in found
        ],
    )


@group.command()
@click.argument("command_id")
@city_option
def cancel(command_id: str, settings: Settings) -> None:
    """Withdraw a command that was not sent yet."""
    if not queue.cancel(database_of(settings), command_id, now()):
        refuse("devices_.not_cancelled", command_id=command_id)
    click.echo(text("devices_.cancelled", language(), command_id=command_id))


def _pairs(pairs: tuple[str, ...]) -> Mapping[str, Any]:
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{pair!r}: write name=value")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings


@contextmanager
def _refusals() -> Iterator[None]:
    """What cannot be done becomes a sentence and exit code 1."""
    try:
        yield
    except UnknownSensorError as error:
        refuse("devices_.unknown_sensor", sensor_id=error.args[0])
    except UnknownAssetError as error:
        refuse("assets.unknown", asset_id=error.args[0])
    except sensors.SensorExistsError as error:
        refuse("devices_.exists", sensor_id=error.args[0])
    except sensors.NotBoundError as error:
        refuse("devices_.not_bound", sensor_id=error.args[0])
    except (CommandError, ValueError, OSError) as error:
        refuse("devices_.impossible", problem=error)
