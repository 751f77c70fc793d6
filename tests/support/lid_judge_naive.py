"""What a crew's foreman would say of one lid, reading by reading: the naive twin of `rules.lid.judge`.

Scalars and plain `if`s, written from what the hazards mean (docs/detection.md), never from the arrays. A
judgement is the gravest of all that can be said; of two equally grave ones that which is said first. Each
hazard is a function of its own, so that whoever changes one changes its twin beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tests.support.lid_naive import Passages

NAN = math.nan


class Said(NamedTuple):
    """level : 0 = it is not so, 1–4 = blue to red."""

    level: int
    value: float
    limit: float
    reason: str


class Fuse(NamedTuple):
    """What is said when nothing follows for `wait_s`."""

    wait_s: float
    hazard: str
    level: int
    value: float
    limit: float
    reason: str


@dataclass
class Lid:
    """A reading and what is remembered of its sensor; names are those of the state and of `Features`."""

    reading: Mapping[str, float]
    known: dict[str, float]
    before: Mapping[str, int]
    rules: Mapping[str, float]

    def __getattr__(self, name: str) -> float:
        return self.reading[name] if name in self.reading else self.known[name]

    def was(self, hazard: str) -> int:
        """Level that was said last."""
        return self.before.get(hazard, 0)

    # --- what is seen -------------------------------------------------------------------------------

    @property
    def contact(self) -> bool:
        """A switch says that the lid is off."""
        return self.open > 0.5

    @property
    def crept(self) -> bool:
        """The angle came slowly: the sensor has moved in its bracket, not the lid."""
        away = max(8.0, 5 * self.rough)
        near = self.angle - self.creep < away and abs(self.off) < self.rules["crept_deg"]
        return not self.contact and self.creep >= 5 and near

    @property
    def turned(self) -> bool:
        """It leans more than a seated lid."""
        return self.angle >= self.rules["tilt_attention_deg"] and not self.crept

    @property
    def noise(self) -> float:
        """What a height must pass a limit by, because the sensor trembles."""
        return 1.5 * max(self.jitter - 3.0, 0.0)

    @property
    def swing(self) -> float:
        """What an angle must pass a limit by, because the sensor swings by itself."""
        return 1.5 * max(self.rough - self.rules["calm_deg"], 0.0)

    @property
    def shifted(self) -> bool:
        """Its height has left the half-day mean by a defect."""
        return abs(self.mm - self.slow) >= self.rules["sunk_defect_mm"] + self.noise

    @property
    def warm(self) -> float:
        """What the half-day mean must pass a limit by, because the sun moves the sensor."""
        return 0.7 * max(self.swing_mm - 1.0, 0.0)

    @property
    def wheels(self) -> bool:
        """So few readings running lean that each may have caught another wheel."""
        # of a second message nobody knows whether it was due; how often wheels are caught, on no first day
        second = self.gap_before == 0
        pace = self.gap if second and math.isnan(self.pace) else self.pace
        few_h = 512 * pace / 3600 if pace <= 900 else 0.0
        young = self.hours - self.since < max(self.rules["commission_hours"], few_h)
        if young and (self.sample or second):
            at_first = 6 if pace <= 120 else 4 if pace <= 900 else 3 if pace <= 3600 else 0
            if self.tilt_run < at_first:
                return True
        if self.passes < self.rules["seen_passes"]:
            return False
        readings = 1000 * 365.25 * 86_400 / (self.pace if self.pace > 0 else 600)
        chance = min(self.passes, 0.5) ** self.tilt_run
        return chance * readings > 1

    @property
    def flickers(self) -> bool:
        """A contact that chatters, on a lid that lies flat, has not been open for long enough."""
        flat = self.angle < 3 or abs(self.mm) < 5
        known = self.contact and flat and not self.tilt_alarm > 0.5 and self.was("missing") < 4
        return known and self.open_run < 3 and int(self.watch) // 64 >= 2

    @property
    def open_run(self) -> int:
        """Readings running whose contact was open."""
        return int(self.watch) // 16 % 4

    @property
    def wet(self) -> bool:
        """Water stands as high as a flood."""
        return self.water >= self.rules["flood_mm"]

    @property
    def quick(self) -> bool:
        """The next reading is due within moments."""
        usual = self.gap if math.isnan(self.pace) else self.pace
        return usual <= self.rules["burst_s"]

    @property
    def sample(self) -> bool:
        """It came when the schedule says, or from a sensor that wakes for anything: no event by itself."""
        return bool(self.scheduled) or self.events > self.rules["chatty_share"]

    @property
    def belied(self) -> bool:
        """Contact or height say that it lies where it lay."""
        return self.open < 0.5 or (abs(self.mm) < 5 and self.angle >= self.rules["tilt_defect_deg"])

    @property
    def violent(self) -> bool:
        """A blow far harder than those it is used to."""
        usual = math.exp(self.mean) if self.count > 0 else 0.0
        return self.vibration >= self.rules["shock_g"] and self.vibration >= self.rules["shock_ratio"] * usual

    @property
    def shaken(self) -> bool:
        """A wheel's shock may be what woke it."""
        usual = math.exp(self.mean) if self.count > 0 else 0.0
        used = self.count >= self.rules["reference_windows"]
        return self.violent or (used and self.vibration >= max(1, 1.25 * usual))

    @property
    def quiet(self) -> bool:
        """No wheel woke it, though wheels often do: it felt much less than it is used to."""
        usual = math.exp(self.mean)
        used = self.count >= self.rules["reference_windows"] and usual >= self.rules["felt_g"]
        return used and self.vibration < 0.7 * usual and not self.scheduled and self.pace > 3600

    @property
    def frozen(self) -> bool:
        """Jumped from one sample to the next and stood still since; no lid does, as something else says."""
        if not self.angle < self.rules["open_deg"]:
            return False
        still = self.known["still"] == self.tilt_run - 1
        numb = self.vibration == 0 and self.count > 0 and math.exp(self.mean) >= self.rules["felt_g"]
        # whom wheels often wake needs both witnesses
        chatty = self.events > self.rules["chatty_share"]
        calm = self.pace >= 1500 and (not chatty or (self.belied and numb))
        again = self.tilt_run >= 3 and self.was("tilted") < 3
        woken = calm and (again or (self.tilt_run >= 2 and self.gap >= 1800))
        if (self.lone or woken) and (self.belied or numb) and still:
            return True
        # dead while its lid lay open under work: not a bit of any channel has moved for two messages
        height = math.isnan(self.mm) or self.mm == self.mm_before
        return self.belied and numb and height and self.known["still"] >= 2 and self.pace >= 1500

    @property
    def askew(self) -> bool:
        """One inclination, of a sensor fitted askew, shows a part of what may well be a lid ajar."""
        if not math.isnan(self.z) or self.passes >= self.rules["seen_passes"]:
            return False
        datum = min((0.0, 90.0, 180.0), key=lambda d: abs(self.base_deg - d))
        base, now = abs(self.base_deg - datum), abs(self.last - datum)
        possible = math.sqrt(now * now - base * base) if now >= base else base + now
        said = self.was("tilted") >= 2
        kept = self.rules["tilt_attention_deg"] - (self.rules["tilt_hysteresis_deg"] if said else 0)
        least = max(self.rules["part"] * kept, 0 if said else 3 * self.rough)
        steady = self.step < 2 and self.angle - self.creep >= least
        if self.open < 0.5 and not self.off >= 0.75 * least:
            return False
        return base <= 45 and steady and possible >= kept and not self.crept

    @property
    def lone(self) -> bool:
        """A slow sampler's reading on schedule: nothing woke it, and the next is half an hour off or more."""
        return self.sample and self.events <= self.rules["chatty_share"] and self.pace >= 1500

    @property
    def agreed(self) -> bool:
        """Two witnesses of one reading say that the lid is off."""
        # a frame whose angles contradict one another is wild, and its contact with it
        wild = self.sample and self.torn
        if self.tilt_alarm > 0.5 or (self.contact and not self.lone and not wild):
            return True
        if not self.turned or math.isnan(self.mm):
            return False
        if not self.sample:
            return self.shifted or -600 <= self.mm <= -10
        # a frame may be wild in all of its channels
        sure = not self.lone or self.contact or self.mm <= -self.rules["gone_mm"]
        return sure and -600 <= self.mm <= -25 and not self.torn and not self.quick

    def remember(self) -> None:
        """Count how many readings running have said the same."""
        for run, measured, over in (
            ("tilt_run", self.angle, self.turned),
            ("sink_run", self.mm, self.shifted),
            ("water_run", self.water, self.wet),
        ):
            if not math.isnan(measured):
                # where wheels are caught, a third reading that is like the second says more than another
                wheels = run == "tilt_run" and self.passes >= self.rules["seen_passes"]
                counts = 1.5 if wheels and self.tilt_run >= 2 and self.step < 2 else 1
                self.known[run] = self.known[run] + counts if over else 0.0

    # --- doubts: one message is not enough ------------------------------------------------------------

    def doubts(self) -> dict[str, bool]:
        """By word; asked after `remember`."""
        closed = self.open < 0.5
        # two wild samples of a slow sampler are not alike
        slow = self.sample and self.pace >= 1500
        other_angle = (slow or self.belied) and self.tilt_run == 2 and self.step >= 10
        elsewhere = abs(self.mm - self.mm_before) >= self.rules["sunk_defect_mm"]
        other_mm = slow and self.sink_run == 2 and elsewhere
        first_tilt = (self.tilt_run <= 1 or other_angle) and not self.agreed
        first_mm = (self.sink_run <= 1 or other_mm) and not self.agreed
        shaken = self.shaken and not self.angle >= self.rules["open_deg"]
        wheels = self.wheels and not self.agreed
        lies_flat = self.angle < 3 or abs(self.mm) < 5
        # a frame of which contact and angle may both be wild
        wild = (self.lone or (self.sample and self.torn)) and first_tilt and self.angle >= 3
        fresh = self.contact and self.open_run <= 1
        in_traffic = self.passing > 0 and self.hours - self.passing < 30 * 24
        return {
            "contact": (fresh and self.sample and not self.was("missing") and (lies_flat or wild))
            or self.flickers,
            "open": first_tilt and ((self.sample and not self.quiet) or closed),
            "lean": wheels
            or (self.frozen and not self.agreed)
            or (first_tilt and (self.sample or in_traffic or self.belied or shaken)),
            "gone": first_mm and (self.sample or closed or self.angle < 1),
            "drop": first_mm and (self.sample or shaken or ((self.angle < 1 or closed) and self.mm < 0)),
            "jumped": self.lone and not self.agreed and (self.sink_run == 1 or other_mm),
            "stuck": self.frozen and not self.agreed and self.tilt_run >= 2,
            "woken": not self.sample,
            "flood": self.sample
            and self.water_run <= 1
            and not self.water_alarm > 0.5
            and (
                self.water_before < 0.375 * self.rules["flood_mm"]
                or (self.pace <= 3600 and self.water - self.water_before >= self.rules["flood_urgent_mm"])
            ),
        }


def gravest(said: Sequence[Said]) -> Said | None:
    """The first of the gravest."""
    return max(said, key=lambda one: one.level, default=None)


def switched(lid: Lid, doubt: Mapping[str, bool]) -> list[Said]:
    """What a contact says that is open."""
    if not lid.contact or lid.flickers:
        return []
    if not doubt["contact"]:
        return [Said(4, NAN, NAN, "missing.contact")]
    if lid.angle >= lid.rules["tilt_attention_deg"]:
        return [Said(2, lid.angle, lid.rules["open_deg"], "missing.unconfirmed")]
    return [Said(2, NAN, NAN, "missing.contact_unconfirmed")]


def missing(lid: Lid, doubt: Mapping[str, bool]) -> Said | None:
    """Open by its contact or its angle, off its seat by its height, or carried about."""
    r, said = lid.rules, switched(lid, doubt)
    if lid.angle >= r["open_deg"] and not lid.crept:
        if not doubt["open"]:
            said.append(Said(4, lid.angle, r["open_deg"], "missing.angle"))
        elif not lid.quick:
            said.append(Said(2, lid.angle, r["open_deg"], "missing.unconfirmed"))
    edge = 800 * math.sin(math.radians(min(lid.angle, 90.0))) + 20 if lid.angle >= 0 else NAN
    leans = lid.angle >= r["tilt_attention_deg"] and -lid.mm <= edge
    if abs(lid.mm) >= r["gone_mm"] and not leans:
        if not doubt["gone"]:
            said.append(Said(4, lid.mm, r["gone_mm"], "missing.gone_mm"))
        elif not lid.quick:
            said.append(Said(2, lid.mm, r["gone_mm"], "missing.unconfirmed"))
    moving = lid.tilt_run >= 2 and not lid.wheels and lid.step >= 8 and lid.gap < 900
    if moving and lid.angle >= r["carried_deg"] and not lid.crept:
        said.append(Said(4, lid.angle, r["carried_deg"], "missing.carried"))
    if not said:
        seen = not (math.isnan(lid.angle) and math.isnan(lid.mm) and math.isnan(lid.open))
        still_up = lid.angle >= r["carried_deg"] - r["tilt_hysteresis_deg"]
        if seen and not (still_up and lid.was("missing")):
            said.append(Said(0, NAN, NAN, "none"))
    return gravest(said)


def tilted(lid: Lid, doubt: Mapping[str, bool], gone: Said | None) -> Said | None:
    """It leans, or stands above its frame; not where it is open already."""
    if gone is not None and gone.level >= 2:
        return None
    r, said = lid.rules, []
    for level, name in ((4, "tilt_urgent_deg"), (3, "tilt_defect_deg"), (2, "tilt_attention_deg")):
        # what was said is taken back later than it was said; what was not needs more than the sensor's swing
        kept = r[name] - r["tilt_hysteresis_deg"] if lid.was("tilted") >= level else r[name] + lid.swing
        if lid.angle >= kept and not lid.crept:
            if not doubt["lean"]:
                said.append(Said(level, lid.angle, r[name], "tilted.angle"))
            elif not lid.pace <= 3600 or (doubt["woken"] and lid.belied):
                woken = doubt["woken"] and lid.passing == 0
                said.append(Said(2 if woken else 1, lid.angle, r[name], "tilted.unconfirmed"))
    if lid.askew:
        said.append(Said(2, lid.angle, r["tilt_attention_deg"], "tilted.askew"))
    if not math.isnan(lid.mm):
        kept = r["raised_mm"] - (r["sunk_hysteresis_mm"] if lid.was("tilted") >= 2 else 0)
        for up, sure in ((min(-lid.level, -lid.mm), True), (-lid.mm, False)):
            enough = kept + lid.noise if sure else r["raised_mm"] + 2 * lid.noise
            if up >= enough and not doubt["jumped" if sure else "drop"]:
                at_once = lid.slow - lid.mm >= r["raised_mm"] / 2 or lid.was("tilted") >= 3
                level = 3 if at_once and not lid.open < 0.5 else 2
                said.append(Said(level, up, r["raised_mm"], "tilted.raised_mm"))
        if -lid.mm >= r["raised_mm"]:
            said.append(Said(2 if doubt["woken"] else 1, -lid.mm, r["raised_mm"], "tilted.raised_mm"))
    if not said and not (math.isnan(lid.angle) and math.isnan(lid.mm)):
        said.append(Said(0, NAN, NAN, "none"))
    return gravest(said)


def sunken(lid: Lid, doubt: Mapping[str, bool], gone: Said | None) -> Said | None:
    """It lies below its frame, has dropped, or will have sunk within weeks."""
    if math.isnan(lid.mm) or (gone is not None and gone.level >= 2):
        return None
    r, said, before = lid.rules, [], lid.was("sunken")
    level = lid.level
    if 0 < lid.gap <= 3600 and abs(level - lid.slow) <= 4.5:
        level = lid.slow  # a wheel stood on it
    for grade, name in ((4, "sunk_urgent_mm"), (3, "sunk_defect_mm")):
        kept = r[name] - (r["sunk_hysteresis_mm"] if before >= grade else 0)
        if level >= kept + lid.noise and not doubt["jumped"]:
            said.append(Said(grade, level, r[name], "sunken.level_mm"))
        if lid.mm >= r[name] + 2 * lid.noise and not doubt["drop"]:
            said.append(Said(grade, lid.mm, r[name], "sunken.step_mm"))
    if lid.mm >= r["sunk_defect_mm"]:
        said.append(Said(2 if doubt["woken"] else 1, lid.mm, r["sunk_defect_mm"], "sunken.unconfirmed_mm"))
    kept = r["sunk_attention_mm"] + (-r["sunk_hysteresis_mm"] if before >= 2 else lid.warm)
    if lid.slow >= kept + lid.noise / 2 and level >= kept:
        said.append(Said(2, lid.slow, r["sunk_attention_mm"], "sunken.level_mm"))
    depths = (getattr(lid, f"passed_{row}") for row in range(1, 6))
    passages = Passages(mean=lid.mean_mm, day=lid.mean_day)
    passages.passed = {depth: day for depth, day in zip(passages.depths, depths, strict=True) if day > 0}
    latest = passages.forecast(lid.slow, lid.grain, r["sunk_defect_mm"])[3]
    if lid.slow >= r["forecast_least_mm"] + lid.warm and latest <= r["forecast_days"]:
        said.append(Said(2, lid.slow, r["sunk_defect_mm"], "sunken.forecast_mm"))
    seated = int(lid.watch) // 8 % 2
    if lid.base >= r["sunk_defect_mm"] and lid.sink_count >= min(3, r["commission_readings"]) and not seated:
        # told while it is commissioned; who reports more seldom than three times a day is told once
        age = lid.hours - lid.sink_since
        if age < max(r["commission_hours"], 2.5 * lid.gap / 3600):
            said.append(Said(2, lid.base, r["sunk_defect_mm"], "sunken.set_up_mm"))
    return gravest(said) or Said(0, NAN, NAN, "none")


def loose(lid: Lid, gone: Said | None) -> Said | None:
    """It knocks, or rocks, more than it used to, for windows on end; not where it is off its seat."""
    if gone is not None and gone.level >= 2:
        return None
    limit, said = lid.rules["loose_limit"], []
    scores = [(lid.score, "loose.shocks")]
    # Rocking without knocking is noise, of a sensor that can feel knocks; one that is known to tremble by
    # itself must knock as a loose one does. Nobody is paged for rocking that is hardly felt.
    deaf = lid.count == 0
    if deaf or lid.score >= (limit if lid.was("sensor_fault") else limit / 4):
        scores.append((lid.step_score, "loose.steps"))
    for score, reason in scores:
        # a few angles a day go to and fro with the sun
        often = (lid.gap if math.isnan(lid.pace) else lid.pace) < 5 * 3600
        sure = reason == "loose.shocks" or (often if deaf else lid.score >= 0.75 * limit)
        if score >= 1.75 * limit and sure:
            said.append(Said(3, score, limit, reason))
        if score >= (limit / 2 if lid.was("loose") >= 2 else limit):
            said.append(Said(2, score, limit, reason))
    return gravest(said) or Said(0, NAN, NAN, "none")


def damaged(lid: Lid, gone: Said | None) -> Said | None:
    """As below; what is missing is not called damaged besides."""
    said = _damaged(lid)
    return None if gone is not None and gone.level >= 2 else said


def _damaged(lid: Lid) -> Said | None:
    """A violent blow, after which it lies otherwise than before; said after a day, forgotten after two."""
    r, known = lid.rules, lid.known
    if lid.violent and lid.hit == 0 and lid.count >= r["reference_windows"]:
        known |= {"hit": lid.hours, "hit_tilt": lid.creep, "hit_mm": lid.slow, "hit_run": 0.0}
        return None
    if lid.hit == 0:
        known["hit_run"] = 0.0
        return None
    trembles = 2 * lid.step_mean
    leans = abs(lid.angle - lid.hit_tilt)
    sits = 0.0 if math.isnan(lid.mm) else abs(lid.slow - lid.hit_mm)
    far = leans >= max(r["damage_deg"], 1.5 * trembles)
    off = far or sits >= r["damage_mm"]
    known["hit_run"] = lid.hit_run + 1 if off else 0.0
    since = lid.hours - lid.hit
    said = Said(0, NAN, NAN, "none")
    # one that rocks never comes to rest: it is loose, unless it was called damaged before
    rocks = max(lid.score, lid.step_score) >= r["loose_limit"] / 2
    if lid.hit_run >= 3 and since >= 24 and (lid.was("damaged") or not rocks):
        said = Said(2, leans if far else sits, r["damage_deg"], "damaged.offset")
    if not off and since >= 48:
        known["hit"] = 0.0
    return said


def flooded(lid: Lid, doubt: Mapping[str, bool]) -> Said | None:
    """Water as high as a flood, by its level or by a float."""
    r, said = lid.rules, []
    for grade, name in ((4, "flood_urgent_mm"), (3, "flood_mm")):
        kept = r[name] - (r["flood_hysteresis_mm"] if lid.was("flooded") >= grade else 0)
        if lid.water >= kept and not doubt["flood"]:
            said.append(Said(grade, lid.water, r[name], "flooded.level_mm"))
    if lid.wet:
        said.append(Said(1, lid.water, r["flood_mm"], "flooded.unconfirmed_mm"))
    # what rising water woke at its own limit may say a little less
    rises = lid.water_count >= 2 and lid.water - lid.water_before >= r["flood_hysteresis_mm"]
    if doubt["woken"] and rises and lid.water >= r["flood_mm"] - r["flood_hysteresis_mm"] / 3:
        said.append(Said(3, lid.water, r["flood_mm"], "flooded.level_mm"))
    if lid.water_alarm > 0.5:
        said.append(Said(3, lid.water, r["flood_mm"], "flooded.alarm"))
    if not said and not (math.isnan(lid.water) and math.isnan(lid.water_alarm)):
        said.append(Said(0, NAN, NAN, "none"))
    return gravest(said)


def sensor_fault(lid: Lid) -> Said | None:
    """It creeps as no lid does, trembles without a knock, or stands still where it never did."""
    r, said = lid.rules, []
    again = lid.was("sensor_fault") > 0
    mean = lid.creep + lid.off
    if lid.crept:
        said.append(Said(2, mean, 5.0, "sensor_fault.creep"))
    no_knock = lid.count > 0 and lid.score < r["loose_limit"] / 4
    if no_knock and lid.step_score >= r["loose_limit"] * (0.5 if again else float(np.float32(1.9))):
        said.append(Said(2, lid.step_score, r["loose_limit"], "sensor_fault.noisy"))
    if lid.still >= 40 and lid.moves >= r["still_moves"]:
        said.append(Said(2, lid.still, 40, "sensor_fault.stuck"))
    if not said and not math.isnan(lid.angle):
        said.append(Said(0, NAN, NAN, "none"))
    return gravest(said)


def fuse(
    lid: Lid,
    doubt: Mapping[str, bool],
    gone: Said | None,
    leaning: Said | None,
    sunk: Said | None,
) -> Fuse | None:
    """What silence will say: theft after a large movement, else the word that was in doubt."""
    r = lid.rules
    pace = 5 * max(lid.gap, lid.gap_before) if math.isnan(lid.pace) else lid.pace
    gaps = r["theft_silence_gaps"] + (1 if lid.belied else 0)  # a wild sample, and messages that were lost?
    # a wheel on the rim whose recovery and next messages were lost
    wheel = lid.angle < r["theft_deg"] or (lid.shaken and lid.angle < r["open_deg"])
    if wheel and lid.angle >= r["tilt_attention_deg"] and pace <= 3600:
        gaps += 2
    wait = max(gaps * pace, 3.0 if lid.quick else r["theft_silence_least_s"])
    so_far = -1 if gone is None else gone.level
    large = lid.angle >= r["theft_deg"] and not lid.crept and so_far < 2 and not doubt["stuck"]
    lifting = lid.turned and lid.tilt_run == 1 and not lid.scheduled and so_far < 2
    silent = "missing.silent_after_movement"
    # (whether, hazard, level, value, limit, reason): what comes first is lit
    words = [
        (doubt["contact"] and so_far < 4, "missing", 4, NAN, NAN, "missing.contact"),
        (
            lid.angle >= r["open_deg"] and not lid.crept and doubt["open"] and so_far < 4,
            "missing",
            4,
            lid.angle,
            r["open_deg"],
            silent,
        ),
        (
            abs(lid.mm) >= r["gone_mm"] and doubt["gone"] and so_far < 4,
            "missing",
            4,
            lid.mm,
            r["gone_mm"],
            silent,
        ),
        (large, "missing", 4, lid.angle, r["theft_deg"], silent),
        (lifting, "missing", 4, lid.angle, r["tilt_attention_deg"], silent),
    ]
    for grade, name in ((4, "sunk_urgent_mm"), (3, "sunk_defect_mm")):
        less = sunk is None or sunk.level < grade
        deep = lid.mm >= r[name] + 2 * lid.noise
        words.append((deep and doubt["drop"] and less, "sunken", grade, lid.mm, r[name], "sunken.step_mm"))
    for grade, name in ((4, "tilt_urgent_deg"), (3, "tilt_defect_deg")):
        less = (leaning is None or leaning.level < grade) and so_far < 2
        words.append(
            (
                lid.angle >= r[name] and doubt["lean"] and less and not doubt["stuck"],
                "tilted",
                grade,
                lid.angle,
                r[name],
                "tilted.angle",
            )
        )
    return next((Fuse(wait, *word[1:]) for word in words if word[0]), None)
