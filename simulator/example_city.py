"""The example city: 500 synthetic covers of Echeng and one overpass, made by a fixed seed.

`python -m simulator.example_city` writes `config/examples/ezhou/{assets,sensors}.csv`. Nothing in them is
a real component, owner, phone or coordinate: roads are straight lines drawn near their real names.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

SEED: Final = 420704
N_COVERS: Final = 500
N_WITHOUT_SENSOR: Final = 20
BRIDGE_ID: Final = "420704-QL-0001"

ASSET_COLUMNS: Final = (
    "asset_id", "kind", "name", "category", "district", "road", "lon", "lat", "owner", "maintainer",
    "material", "load_class", "installed_on", "design_life_years", "low_lying", "fall_net", "status",
)  # fmt: skip
SENSOR_COLUMNS: Final = (
    "sensor_id", "asset_id", "model", "role", "location", "heartbeat_s", "installed_at",
    "e_gpa", "alpha_per_c", "strain_min_ue", "strain_max_ue", "section", "group",
)  # fmt: skip

# name, importance (arterial, collector, lane), west/south end, east/north end [°, WGS-84]
ROADS: Final = (
    ("滨湖南路", "arterial", (114.862, 30.3815), (114.902, 30.3862)),
    ("文星大道", "arterial", (114.8845, 30.372), (114.8925, 30.401)),
    ("古城路", "arterial", (114.874, 30.3965), (114.904, 30.3992)),
    ("武昌大道", "arterial", (114.868, 30.3925), (114.906, 30.3948)),
    ("凤凰路", "collector", (114.8885, 30.3815), (114.8958, 30.3975)),
    ("南浦路", "collector", (114.8808, 30.3835), (114.8832, 30.3985)),
    ("江碧路", "collector", (114.861, 30.399), (114.879, 30.4035)),
    ("滨江大道", "arterial", (114.866, 30.4052), (114.902, 30.4061)),
    ("西山路", "collector", (114.8705, 30.389), (114.876, 30.4005)),
    ("寒溪路", "lane", (114.876, 30.3942), (114.8842, 30.3957)),
    ("沿江路", "lane", (114.888, 30.4028), (114.8995, 30.4036)),
    ("明塘路", "lane", (114.8905, 30.3895), (114.8988, 30.3908)),
)
_ROAD_WEIGHT: Final = {"arterial": 1.5, "collector": 1.0, "lane": 0.5}

# subclass code, category, owner, share
CATEGORIES: Final = (
    ("01", "上水井盖", "鄂州水务(示例)", 0.16),
    ("02", "污水井盖", "鄂城排水所(示例)", 0.24),
    ("03", "雨水井盖", "鄂城排水所(示例)", 0.22),
    ("04", "雨水箅子", "鄂城排水所(示例)", 0.08),
    ("05", "电力井盖", "鄂州供电(示例)", 0.10),
    ("06", "路灯井盖", "路灯管理所(示例)", 0.04),
    ("07", "通讯井盖", "通信建维(示例)", 0.10),
    ("11", "燃气井盖", "鄂州燃气(示例)", 0.06),
)
_WATER_CATEGORIES: Final = frozenset({"污水井盖", "雨水井盖", "雨水箅子"})

# what a native lid sensor measures, and how many are of that make
CHANNEL_SETS: Final = (
    ("tilt+vibration", 0.26),
    ("tilt+vibration+open", 0.18),
    ("tilt+displacement+vibration", 0.24),
    ("tilt+displacement+vibration+open", 0.20),
    ("tilt_xy+vibration", 0.12),
)
_HEARTBEATS_S: Final = ((21600, 0.35), (28800, 0.2), (43200, 0.3), (86400, 0.15))

Row = Mapping[str, Any]


def rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of `assets.csv` and of `sensors.csv`, as text cells."""
    rng = np.random.default_rng(SEED)
    assets: list[dict[str, Any]] = []
    sensors: list[dict[str, Any]] = []
    bare = set(rng.choice(N_COVERS, N_WITHOUT_SENSOR, replace=False).tolist())
    weights = np.array([_ROAD_WEIGHT[road[1]] for road in ROADS])
    for number in range(N_COVERS):
        asset = _cover(rng, number, weights / weights.sum())
        assets.append(asset)
        if number not in bare:
            sensors.extend(_cover_sensors(rng, number, asset))
    assets.append(_bridge())
    sensors.extend(_bridge_sensors())
    return assets, sensors


def csv_text(columns: Sequence[str], table: Sequence[Row]) -> str:
    """The rows as CSV with a header line and Unix line ends."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def write(folder: Path) -> None:
    """Write `assets.csv` and `sensors.csv` into a folder."""
    assets, sensors = rows()
    (folder / "assets.csv").write_text(csv_text(ASSET_COLUMNS, assets), "utf-8")
    (folder / "sensors.csv").write_text(csv_text(SENSOR_COLUMNS, sensors), "utf-8")


def _cover(rng: np.random.Generator, number: int, weights: np.ndarray) -> dict[str, Any]:
    name, importance, start, end = ROADS[int(rng.choice(len(ROADS), p=weights))]
    along, aside = rng.uniform(), rng.normal(0.0, 4e-5)
    lon = start[0] + along * (end[0] - start[0]) + aside
    lat = start[1] + along * (end[1] - start[1]) - aside
    subclass, category, owner, _ = CATEGORIES[_choice(rng, [c[3] for c in CATEGORIES])]
    in_lane = importance != "lane" and rng.uniform() < 0.8
    load_class = (
        ("D400" if rng.uniform() < 0.85 else "E600") if in_lane else ("B125", "C250")[rng.integers(2)]
    )
    low_lying = category in _WATER_CATEGORIES and rng.uniform() < 0.25
    installed = np.datetime64("2006-01-01") + int(rng.integers(0, 19 * 365))
    return {
        "asset_id": f"42070401{subclass}{number + 1:06d}",
        "kind": "cover",
        "name": f"{name}{int(1 + along * 180)}号{category.removesuffix('盖')}",
        "category": category,
        "district": "鄂城区",
        "road": name,
        "lon": f"{lon:.6f}",
        "lat": f"{lat:.6f}",
        "owner": owner,
        "maintainer": "鄂城市政养护一队(示例)" if lon < 114.885 else "鄂城市政养护二队(示例)",
        "material": "球墨铸铁" if rng.uniform() < 0.8 else "复合材料",
        "load_class": load_class,
        "installed_on": str(installed),
        "design_life_years": "15" if rng.uniform() < 0.8 else "20",
        "low_lying": str(int(low_lying)),
        "fall_net": str(int(low_lying or rng.uniform() < 0.3)),
        "status": "abandoned" if rng.uniform() < 0.01 else "in_use",
    }


def _cover_sensors(rng: np.random.Generator, number: int, asset: Row) -> list[dict[str, Any]]:
    heartbeat = _HEARTBEATS_S[_choice(rng, [h[1] for h in _HEARTBEATS_S])][0]
    installed = np.datetime64("2024-03-01T09:00:00") + np.timedelta64(int(rng.integers(0, 500 * 24)), "h")
    common = {"asset_id": asset["asset_id"], "installed_at": f"{installed}+08:00"}
    wet = asset["category"] in _WATER_CATEGORIES
    kind = rng.uniform()
    channels = CHANNEL_SETS[_choice(rng, [c[1] for c in CHANNEL_SETS])][0]
    lid = common | {"role": "lid", "heartbeat_s": str(heartbeat)}
    if kind < 0.06:
        lid |= {
            "sensor_id": f"24e124713d{number:06x}",
            "model": "em320-tilt",
            "location": "盖板内侧 tilt_xyz",
        }
    elif kind < 0.10:
        lid |= {
            "sensor_id": f"24e124701b{number:06x}",
            "model": "em310-tilt",
            "location": "盖板内侧 tilt_xyz",
        }
    else:
        lid |= {"sensor_id": f"LID-{number + 1:06d}", "model": "native", "location": f"盖板内侧 {channels}"}
    only_water = wet and rng.uniform() < 0.05
    water = wet and (only_water or asset["low_lying"] == "1" or rng.uniform() < 0.15)
    found = [] if only_water else [lid]
    if water:
        found.append(
            common
            | {
                "sensor_id": f"WTR-{number + 1:06d}",
                "model": "native",
                "role": "water",
                "location": "井筒 water",
                "heartbeat_s": "21600",
            }
        )
    return found


def _bridge() -> dict[str, Any]:
    return {
        "asset_id": BRIDGE_ID,
        "kind": "bridge",
        "name": "鄂钢跨线桥",
        "category": "跨线桥",
        "district": "鄂城区",
        "road": "武昌大道",
        "lon": "114.868500",
        "lat": "30.392700",
        "owner": "鄂州市城市管理执法委员会(示例)",
        "maintainer": "桥梁加固项目部(示例)",
        "material": "钢-混凝土组合",
        "load_class": "",
        "installed_on": "1986-10-01",
        "design_life_years": "50",
        "low_lying": "0",
        "fall_net": "0",
        "status": "in_use",
    }


def _bridge_sensors() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    common = {"asset_id": BRIDGE_ID, "model": "native", "installed_at": "2025-06-01T09:00:00+08:00"}
    places = {"S1": "西跨四分点", "S2": "跨中", "S3": "东墩顶"}
    for section, place in places.items():
        for girder in range(1, 5):
            top = section == "S3"  # over the pier the top flange is in tension
            found.append(
                common
                | {
                    "sensor_id": f"EG-{section}-G{girder}",
                    "role": "gauge",
                    "location": f"{place} {girder}号梁{'上' if top else '下'}翼缘",
                    "heartbeat_s": "1800",
                    "e_gpa": "206",
                    "alpha_per_c": "1.2e-05",
                    "strain_min_ue": "-350",
                    "strain_max_ue": "420",
                    "section": section,
                    "group": "main-girder",
                }
            )
        found.append(
            common
            | {
                "sensor_id": f"EG-{section}-T",
                "role": "temperature",
                "location": f"{place} 梁底温度",
                "heartbeat_s": "1800",
                "section": section,
            }
        )
    found.append(
        common
        | {"sensor_id": "EG-DECK-T", "role": "temperature", "location": "桥面板温度", "heartbeat_s": "1800"}
    )
    return found


def _choice(rng: np.random.Generator, shares: Sequence[float]) -> int:
    return int(rng.choice(len(shares), p=np.array(shares) / sum(shares)))


if __name__ == "__main__":
    write(Path(__file__).parent.parent / "config" / "examples" / "ezhou")
