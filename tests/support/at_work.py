"""A lid under announced work: the real engine hears of the permit, of a whole lid, and of an open one."""

from __future__ import annotations

from config.rules import RuleSet
from devices.registry import Registry
from jingqiao.database import writing
from jingqiao.dossier.entries import UnknownAssetError, announce_work
from jingqiao.dossier.registry_store import request_control
from rules.alarm import AlarmChange, MutedAlarm
from rules.engine import Engine
from rules.windows import Window
from tests.support.frames import T0, frame_of
from tests.support.response import LID, Office, change

SECOND = 1_000_000


class AtWork:
    """An engine that knows of one permit.

    number : int  The permit's. start, end : int  [µs since 1970 UTC]
    """

    def __init__(
        self, registry: Registry, asset_id: str, number: int, start: int, end: int, sensor_id: str
    ) -> None:
        self.engine = Engine(registry, RuleSet())
        self.sensor = registry.sensor_index(sensor_id)
        self.muted: list[tuple[int, MutedAlarm]] = []
        self._seq = 0
        work = {"asset_id": asset_id, "from": start, "to": end, "kind": "permit", "note": ""}
        self._heard(self.engine.control("permit", {**work, "request": number}, start))

    def lies(self, at: int) -> list[AlarmChange]:
        """The lid lies in its frame at a time [µs]."""
        return self._says(at, 1.0, 0.0)

    def stands_open(self, at: int) -> list[AlarmChange]:
        """The lid is off at a time [µs]."""
        return self._says(at, 88.0, 1.0)

    def passes(self, now: int) -> list[AlarmChange]:
        """Time passes."""
        return self._heard(self.engine.tick(now))

    def take(self) -> list[tuple[int, MutedAlarm]]:
        """What was muted since this was last asked, with the record's number."""
        muted, self.muted = self.muted, []
        return muted

    def _says(self, at: int, tilt_deg: float, opened: float) -> list[AlarmChange]:
        row = {"sensor": self.sensor, "t": (at - T0) / SECOND, "tilt_deg": tilt_deg, "open": opened}
        return self._heard(self.engine.apply(frame_of([row])))

    def _heard(self, changes: list[AlarmChange]) -> list[AlarmChange]:
        self._seq += 1
        self.muted += [(self._seq, item) for item in self.engine.take_muted()]
        return changes


def kept_back(office: Office) -> int:
    """Work at the lid of 武昌大道 for an hour from now, and that it kept back the lid's alarm: its number."""
    now = office.clock.now()
    end, note = now + 3600 * SECOND, "电力检修"
    try:
        number = announce_work(
            office.database, LID, start=now, end=end, kind="permit", note=note, recorded_at=now, who="李四"
        )
    except UnknownAssetError:  # an office whose registry is not in the database
        payload = {"asset_id": LID, "from": now, "to": end, "kind": "permit", "note": note}
        with writing(office.database) as connection:
            number = request_control(connection, "permit", payload, now, now, "李四", "")
    window = Window(now, end, "permit", note, number)
    seq = office.book.committed_seq() + 1
    muted = MutedAlarm(change(event_at=now), "lid", (window,))
    office.book.commit(seq, [], now, [], [(seq, muted)])
    return number
