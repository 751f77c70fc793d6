"""The one settings file, `jingqiao.toml`: typed, checked, with paths that are relative to the file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.archive import ArchiveSettings, DuckDBArchiveSettings
from config.exchange import CapSettings, WebhookSettings
from config.faults import FaultsError
from config.messages import Language
from config.sources import SourceSettings
from config.toml_file import faults_of, read


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RegistrySettings(_Section):
    """Where the registry's files lie; they are imported at start when they have changed."""

    assets: Path | None = None
    sensors: Path | None = None
    crs: Literal["wgs84", "gcj02", "bd09"] = "wgs84"


class LogSettings(_Section):
    """How long the durable log is kept; what the archive or the rules still need is never dropped."""

    retention_days: float = Field(default=14, gt=0)
    dead_letter_days: float = Field(default=180, gt=0)


class RecordSettings(_Section):
    """How long what rang, and what went to people and other systems, is kept; never dropped is what still
    waits, or belongs to an incident that is not over.
    """

    alarm_days: float = Field(default=1826, ge=30)
    message_days: float = Field(default=1095, ge=30)
    event_days: float = Field(default=90, ge=7)
    cap_days: float = Field(default=1095, ge=7)


class HttpSettings(_Section):
    """Where health, metrics and pages are served.

    ctwing_token : What CTWing's pushes must bring along (`?token=…` or the header `X-Token`); without it
        anybody who reaches the port can push readings. Better from the environment than from the file.
    callback_secret : Part of the addresses to which providers push receipts and people's answers; without it
        there are no such addresses.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    ctwing_token: SecretStr | None = Field(default=None, min_length=16)
    callback_secret: SecretStr | None = Field(default=None, min_length=16)


class TileSettings(_Section):
    """Map tiles of the intranet, where there are any: without them the map draws what was imported.

    url : address of a tile, with `{z}`, `{x}` and `{y}`; XYZ order, Web Mercator.
    crs : what the tiles are drawn in. Maps for the public in China are in GCJ-02; covers are moved to fit.
    attribution : whose map it is; shown in its corner.
    max_zoom : deepest zoom that the server has.
    """

    url: str = Field(pattern=r"^(https?://[^/{}\s\"';,]+)?/[^\s\"']*$")
    crs: Literal["wgs84", "gcj02"] = "wgs84"
    attribution: str = ""
    max_zoom: int = Field(default=18, ge=1, le=22)

    @field_validator("url")
    @classmethod
    def _has_places(cls, value: str) -> str:
        if not all(place in value for place in ("{z}", "{x}", "{y}")):
            raise ValueError("write {z}, {x} and {y} into the address; for example /tiles/{z}/{x}/{y}.png")
        return value

    @property
    def host(self) -> str:
        """Scheme and host of the tiles, for the pages' content security policy; "" = this server."""
        return "/".join(self.url.split("/")[:3]) if "://" in self.url else ""


class OidcSettings(_Section):
    """The office's own identity provider (OpenID Connect).

    issuer : as the provider writes it into its tokens; its description lies under `/.well-known/`.
    client_secret : better from the environment: JINGQIAO_CONSOLE__OIDC__CLIENT_SECRET.
    name_claim : what an account's name is compared with at the first login.
    create_role : whoever has no account gets one with this role; none = an administrator makes it before.
    label : on the login's button.
    """

    issuer: str = Field(pattern=r"^https?://\S+$")
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    scope: str = "openid profile"
    name_claim: str = "preferred_username"
    create_role: Literal["viewer", "duty"] | None = None
    label: str = "OpenID Connect"


class ConsoleSettings(_Section):
    """The console's pages.

    session_hours : who does nothing for so long has to log in again; a week is the most in any case.
    tiles : map tiles of the intranet.
    oidc : the office's own identity provider.
    public_url : how people reach the console, such as http://10.0.0.5:8080; QR codes of lids lead there.
    """

    session_hours: float = Field(default=12, gt=0, le=168)
    tiles: TileSettings | None = None
    oidc: OidcSettings | None = None
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/]+)?$")


class HeartbeatSettings(_Section):
    """A second system that is called while all is well, and raises the alarm when it hears nothing.

    url : such addresses often hold a key: better from the environment.
    """

    url: SecretStr
    method: Literal["GET", "POST"] = "GET"
    every_s: float = Field(default=60.0, ge=1)


class Settings(BaseSettings):
    """All settings of the service. Any of them can come from the environment: JINGQIAO_DATA_DIR,
    JINGQIAO_ARCHIVE__TOKEN, …; strings in the file may hold `${NAME}`.
    """

    model_config = SettingsConfigDict(
        extra="forbid", env_prefix="JINGQIAO_", env_nested_delimiter="__", frozen=True
    )

    language: Language = "zh"
    timezone: str = "Asia/Shanghai"
    data_dir: Path = Path("data")
    database: str = ""
    mqtt: list[SourceSettings] = Field(default_factory=list)
    registry: RegistrySettings = RegistrySettings()
    roster: Path | None = None
    rules: Path | None = None
    log: LogSettings = LogSettings()
    records: RecordSettings = RecordSettings()
    archive: ArchiveSettings = DuckDBArchiveSettings()
    http: HttpSettings = HttpSettings()
    console: ConsoleSettings = ConsoleSettings()
    heartbeat: HeartbeatSettings | None = None
    cap: CapSettings | None = None
    webhooks: list[WebhookSettings] = Field(default_factory=list)
    event_source: str = Field(default="/jingqiao", min_length=1)
    tick_s: float = Field(default=1.0, gt=0, le=60)
    snapshot_s: float = Field(default=60.0, gt=0)

    @field_validator("webhooks")
    @classmethod
    def _each_its_name(cls, value: list[WebhookSettings]) -> list[WebhookSettings]:
        names = [hook.name for hook in value]
        if len(set(names)) < len(names):
            raise ValueError("two webhooks have one name; what was sent is known by it")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("no time zone of that name; for example Asia/Shanghai") from None
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The office's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of incidents, roster state, outbox and dossier."""
        return self.database or f"sqlite:///{self.data_dir / 'jingqiao.sqlite'}"

    @property
    def log_path(self) -> Path:
        """The durable log's file."""
        return self.data_dir / "log.sqlite"

    @property
    def snapshot_dir(self) -> Path:
        """Where the engine's snapshots lie."""
        return self.data_dir / "snapshots"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment is stronger than the file: secrets stay out of files."""
        return env_settings, init_settings


def load_settings(path: Path) -> Settings:
    """The settings of a file. Raises FaultsError with every fault at once."""
    document, lines = read(path)
    try:
        return Settings(**_absolute(document, path.resolve().parent))
    except ValidationError as error:
        raise FaultsError(faults_of(error, str(path), lines, Settings)) from None


def _absolute(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative paths count from the settings file's folder, wherever the command is called."""

    def at_home(value: Any) -> Any:
        return str(folder / value) if isinstance(value, str) and value else value

    result = {**document, "data_dir": at_home(document.get("data_dir", "data"))}
    for key in ("roster", "rules"):
        if key in result:
            result[key] = at_home(result[key])
    if isinstance(result.get("registry"), dict):
        result["registry"] = {
            key: at_home(value) if key in ("assets", "sensors") else value
            for key, value in result["registry"].items()
        }
    if isinstance(result.get("mqtt"), list):
        result["mqtt"] = [
            {k: at_home(v) if k in ("ca_file", "cert_file", "key_file") else v for k, v in entry.items()}
            if isinstance(entry, dict)
            else entry
            for entry in result["mqtt"]
        ]
    return result
