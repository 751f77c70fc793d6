"""The doctor's checks, each a function from settings to findings; none of them changes anything."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from config.archive import InfluxArchiveSettings
from config.faults import FaultsError
from config.messages import Language, text
from config.settings import Settings
from jingqiao.database import open_database
from jingqiao.doctor.finding import Finding, Level

OUR_NAMES: Final = ("config", "devices", "ingest", "rules", "simulator", "jingqiao")
_LOW_DISK_GB: Final = 2.0


class Doctor:
    """All checks for one settings file.

    now : Callable[[], int]  The time [µs since 1970 UTC].
    """

    def __init__(self, file: Path, settings: Settings, language: Language, now: Callable[[], int]) -> None:
        self._file = file
        self._settings = settings
        self._language = language
        self._now = now

    def findings(self) -> list[Finding]:
        """Everything that was found, in the order in which a message travels."""
        found: list[Finding] = [
            python_version(self._language),
            package_names(self._language),
            Finding("settings", Level.PASS, self._say("settings_ok", file=self._file)),
            self.disk(),
            self.log(),
            *self.brokers(),
            self.database(),
            self.archive(),
            self.roster(),
            *self.calendar(),
            self.service(),
        ]
        return found

    def disk(self) -> Finding:
        """Can the data directory be written, and is there room?"""
        folder = self._settings.data_dir
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".doctor"
            probe.write_bytes(b"x")
            probe.unlink()
        except OSError as error:
            return self._fail(
                "disk", "disk_unwritable", "disk_unwritable_fix", path=folder, reason=error.strerror
            )
        free_gb = shutil.disk_usage(folder).free / 1e9
        if free_gb < _LOW_DISK_GB:
            return self._warn("disk", "disk_low", "disk_low_fix", free_gb=free_gb)
        return Finding("disk", Level.PASS, self._say("disk_ok", free_gb=free_gb))

    def log(self) -> Finding:
        """Does the durable log open, and how old is its newest record?"""
        path = self._settings.log_path
        if not path.exists():
            return self._warn("log", "log_none", "log_none_fix")
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
                row = connection.execute("SELECT max(seq) FROM records").fetchone()
        except sqlite3.Error as error:
            return self._fail("log", "log_fail", "log_fix", reason=error)
        newest = max((p.stat().st_mtime for p in path.parent.glob(f"{path.name}*")), default=0.0)
        age_s = max(0, self._now() // 1_000_000 - int(newest))
        return Finding("log", Level.PASS, self._say("log_ok", seq=row[0] or 0, age=f"{age_s} s"))

    def brokers(self) -> list[Finding]:
        """Can each source's broker be reached with its user and password?"""
        if not self._settings.mqtt:
            return [self._fail("broker", "broker_none", "broker_none_fix")]
        return [self._broker(i) for i in range(len(self._settings.mqtt))]

    def _broker(self, index: int) -> Finding:
        from jingqiao.doctor.broker import try_broker  # noqa: PLC0415 - paho is slow to import

        source = self._settings.mqtt[index]
        trouble = asyncio.run(try_broker(source))
        if trouble:
            return self._fail("broker", "broker_fail", "broker_fix", url=source.url, reason=trouble)
        return Finding("broker", Level.PASS, self._say("broker_ok", url=source.url))

    def database(self) -> Finding:
        """Does the database answer?"""
        try:
            engine = open_database(self._settings.database_url)
            with engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
            engine.dispose()
        except (SQLAlchemyError, ValueError, OSError) as error:
            return self._fail("database", "database_fail", "database_fix", reason=str(error).splitlines()[0])
        return Finding("database", Level.PASS, self._say("database_ok"))

    def archive(self) -> Finding:
        """Does the archive's server answer? (The embedded one is the running service's.)"""
        archive = self._settings.archive
        kind = archive.kind
        if isinstance(archive, InfluxArchiveSettings):
            try:
                with urllib.request.urlopen(f"{archive.url}/health", timeout=5):  # noqa: S310
                    pass
            except (OSError, ValueError) as error:
                return self._warn("archive", "archive_fail", "archive_fix", kind=kind, reason=error)
        return Finding("archive", Level.PASS, self._say("archive_ok", kind=kind))

    def roster(self) -> Finding:
        """Is somebody on duty now, everywhere?"""
        from config.roster import load_roster  # noqa: PLC0415 - heavy, and only here
        from jingqiao.roster.current import current_roster  # noqa: PLC0415
        from jingqiao.roster.duty import who_is_on  # noqa: PLC0415

        if self._settings.roster is None:
            return self._fail("roster", "roster_none", "roster_none_fix")
        try:
            roster = load_roster(self._settings.roster)
        except FaultsError as error:
            return Finding("roster", Level.FAIL, str(error.faults[0]), self._say("settings_fix"))
        try:
            database = open_database(self._settings.database_url)
            roster = current_roster(database, roster, self._now())
            database.dispose()
        except (ValueError, OSError, SQLAlchemyError):
            pass  # the check of the database says so
        on_duty: list[str] = []
        empty: list[str] = []
        for team in roster.teams:
            duty = who_is_on(roster, self._now(), *(list(team.districts[:1]) or [""]), *team.kinds[:1])
            on_duty += [roster.people[person].name for person in duty.people]
            if not duty.people:
                empty.append(team.name or team.id)
        if empty:
            return self._fail("roster", "roster_nobody", "roster_nobody_fix", where="、".join(empty))
        people = "、".join(dict.fromkeys(on_duty))
        return Finding("roster", Level.PASS, self._say("roster_ok", people=people))

    def calendar(self) -> list[Finding]:
        """Are the holidays known by which working days are counted? Said only when they are not."""
        from config.roster import load_roster  # noqa: PLC0415 - heavy, and only here
        from jingqiao.work_calendar import calendar_of, unknown_year  # noqa: PLC0415

        try:
            roster = load_roster(self._settings.roster) if self._settings.roster is not None else None
        except FaultsError:
            return []
        if roster is None:
            return []
        year = unknown_year(calendar_of(roster.work, roster.zone), self._now())
        if year is None:
            return []
        problem = self._say("calendar_unknown", year=year)
        return [Finding("calendar", Level.WARN, problem, self._say("calendar_fix", year=year))]

    def service(self) -> Finding:
        """Does the service run, and does it say that it is well?"""
        url = f"http://{self._settings.http.host}:{self._settings.http.port}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=3) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            reason = (
                "; ".join(json.loads(error.read()).get("problems", [])) if error.code == 503 else str(error)
            )
            return self._fail("service", "service_ill", "service_ill_fix", reason=reason)
        except (OSError, ValueError):
            return self._warn("service", "service_down", "service_fix", url=url, file=self._file)
        return Finding("service", Level.PASS, self._say("service_ok", url=url))

    def _say(self, key: str, **values: object) -> str:
        return text(f"doctor.{key}", self._language, **values)

    def _fail(self, check: str, what: str, fix: str, **values: object) -> Finding:
        return Finding(check, Level.FAIL, self._say(what, **values), self._say(fix, **values))

    def _warn(self, check: str, what: str, fix: str, **values: object) -> Finding:
        return Finding(check, Level.WARN, self._say(what, **values), self._say(fix, **values))


def python_version(language: Language) -> Finding:
    """Which Python runs this (pip refuses an older one than we need)."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", Level.PASS, text("doctor.python_ok", language, version=version))


def package_names(language: Language) -> Finding:
    """Does another distribution own one of our package names?"""
    owners = packages_distributions()
    strangers = {
        name: sorted(set(owners.get(name, [])) - {"jingqiao"})
        for name in OUR_NAMES
        if set(owners.get(name, [])) - {"jingqiao"}
    }
    if strangers:
        others = ", ".join(sorted({owner for found in strangers.values() for owner in found}))
        return Finding(
            "names",
            Level.FAIL,
            text("doctor.names_taken", language, names=", ".join(strangers), owners=others),
            text("doctor.names_fix", language),
        )
    return Finding("names", Level.PASS, text("doctor.names_ok", language))


def instant(us: int) -> str:
    """A moment for people, in UTC."""
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
