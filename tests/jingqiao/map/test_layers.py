"""Pipes and outlines come from GeoJSON as people have it, and are thinned to what a screen shows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from config.faults import FaultsError
from jingqiao.cli import main
from jingqiao.map.geojson import Shape, read_geojson
from jingqiao.map.grid import View
from jingqiao.map.layers import VERTICES_AT_MOST, Layer, LayerNameError, Layers, layers, remove, store
from jingqiao.map.mercator import to_unit

ALL = View(0.0, 0.0, 1.0, 1.0)
PIPE = {"type": "LineString", "coordinates": [[114.88, 30.39], [114.89, 30.39], [114.89, 30.40, 21.5]]}


def write(folder: Path, document: Any, name: str = "pipes.geojson") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return path


def collection(*geometries: Any) -> dict[str, Any]:
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries]
    return {"type": "FeatureCollection", "features": features}


def layer(name: str = "pipes", kind: Any = "rain") -> Layer:
    return Layer(name, "雨水管", kind, 1, 3, 1, "me", "pipes.geojson")


def test_lines_and_areas_of_all_forms_are_read(tmp_path: Path) -> None:
    ring = [[114.8, 30.3], [114.9, 30.3], [114.9, 30.4], [114.8, 30.3]]
    shape = read_geojson(
        write(
            tmp_path,
            collection(
                PIPE,
                {"type": "MultiLineString", "coordinates": [PIPE["coordinates"]] * 2},
                {"type": "Polygon", "coordinates": [ring, ring]},
                {"type": "MultiPolygon", "coordinates": [[ring], [ring, ring]]},
                {
                    "type": "GeometryCollection",
                    "geometries": [PIPE, {"type": "Point", "coordinates": [1, 2]}],
                },
            ),
        )
    )
    assert (len(shape.first) - 1, shape.features, shape.faults) == (9, 5, [])
    assert np.allclose(shape.x[:3], to_unit(np.array([114.88, 114.89, 114.89]), np.array([30.0] * 3))[0])


def test_one_bad_feature_is_named_and_the_rest_is_drawn(tmp_path: Path) -> None:
    shape = read_geojson(
        write(
            tmp_path,
            collection(
                None,
                PIPE,
                {"type": "Curve", "coordinates": []},
                {"type": "LineString", "coordinates": [[30.39, 114.88], [30.40, 114.88]]},
                {"type": "LineString", "coordinates": [[508_000.0, 3_363_000.0], [508_010.0, 3_363_000.0]]},
                {"type": "LineString", "coordinates": [[1, "x"], [2, 3]]},
                {"type": "LineString", "coordinates": [[1, 2]]},
                {"type": "Point", "coordinates": [114.88, 30.39]},
            ),
        ),
        language="en",
    )
    assert (shape.features, shape.points) == (1, 1)
    assert [(f.field, f.problem.split(":")[0]) for f in shape.faults] == [
        ("features[0]", "has no geometry"),
        ("features[2]", "geometry 'Curve' is not known"),
        ("features[3]", "[30.39, 114.88] has latitude before longitude"),
        ("features[4]", "[508000.0, 3363000.0] is no place in degrees"),
        ("features[5]", "coordinates are no list of [longitude, latitude]"),
        ("features[6]", "coordinates are no list of [longitude, latitude]"),
    ]
    assert all(fault.remedy for fault in shape.faults)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no GeoJSON"),
        ('{"type": "Topology"}', "is no GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "no line or area"),
        ('{"type": "FeatureCollection", "features": 7}', "no line or area"),
        ('{"type": "Point", "coordinates": [1, 2]}', "(1 points)"),
        (json.dumps({**PIPE, "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}}), "EPSG::4547"),
    ],
)
def test_what_is_no_map_is_refused_with_a_remedy(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(FaultsError) as raised:
        read_geojson(write(tmp_path, content), language="en")
    assert says in str(raised.value)
    assert all(fault.remedy for fault in raised.value.faults)


def test_chinese_coordinates_are_brought_to_where_they_belong(tmp_path: Path) -> None:
    path = write(tmp_path, {**PIPE, "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}})
    moved = read_geojson(path, "gcj02").x - read_geojson(path).x
    metres = moved * 40_075_000 * np.cos(np.radians(30.4))
    assert (np.abs(metres) > 100).all()
    assert (np.abs(metres) < 1000).all()


def test_a_view_shows_lines_in_pixels_from_point_to_point(tmp_path: Path) -> None:
    store(tmp_path, layer(), read_geojson(write(tmp_path, PIPE)))
    shown = Layers(tmp_path).lines("pipes", ALL, 16)
    assert shown is not None
    (line,) = shown["lines"]
    x, y = to_unit(np.array([114.88, 114.89, 114.89]), np.array([30.39, 30.39, 30.40]))
    pixels = np.cumsum(np.array(line).reshape(-1, 2), axis=0)
    assert np.abs(pixels - np.column_stack([x, y]) * 256 * 2**16).max() <= 0.5
    assert Layers(tmp_path).lines("pipes", View(0.1, 0.1, 0.2, 0.2), 16) == {"zoom": 16, "lines": []}
    assert Layers(tmp_path).lines("pipes", ALL, 3) == {"zoom": 3, "lines": []}, "smaller than a pixel"
    assert Layers(tmp_path).lines("none", ALL, 3) is None


def test_a_whole_network_is_thinned_to_what_a_screen_can_show(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 200_000
    x, y = 0.82 + np.cumsum(rng.normal(0, 1e-6, n)), 0.41 + np.cumsum(rng.normal(0, 1e-6, n))
    store(tmp_path, layer(), Shape(x, y, np.arange(0, n + 1, 1000), n // 1000))
    for zoom in (10, 14, 18, 20):
        shown = Layers(tmp_path).lines("pipes", ALL, zoom)
        assert shown is not None
        assert sum(len(line) for line in shown["lines"]) <= 2 * VERTICES_AT_MOST


def test_layers_are_listed_outlines_first_replaced_by_name_and_removed(tmp_path: Path) -> None:
    shape = read_geojson(write(tmp_path, PIPE))
    held = Layers(tmp_path)
    store(tmp_path, layer(), shape)
    store(tmp_path, layer("z-city", "outline"), shape)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    assert [found.name for found in layers(tmp_path)] == ["z-city", "pipes"]
    before = held.lines("pipes", ALL, 16)
    store(tmp_path, layer(), Shape(shape.x[:2], shape.y[:2], np.array([0, 2]), 1))
    assert held.lines("pipes", ALL, 16) != before
    assert remove(tmp_path, "pipes")
    assert not remove(tmp_path, "pipes")
    assert held.lines("pipes", ALL, 16) is None
    for name in ("../x", "", "A", "a/b", "." * 3):
        with pytest.raises(LayerNameError):
            held.lines(name, ALL, 16)


def test_the_command_imports_lists_and_removes(tmp_path: Path) -> None:
    settings = tmp_path / "jingqiao.toml"
    settings.write_text("", "utf-8")
    file = write(tmp_path, collection(PIPE, None), "雨水管网 Rain.geojson")
    run = CliRunner().invoke
    done = run(main, ["map", "import", str(file), "--kind", "rain", "-c", str(settings)])
    assert done.exit_code == 0, done.output
    assert "rain：1 条线" in done.output
    assert "features[1]" in done.stderr
    listed = json.loads(run(main, ["map", "list", "--json", "-c", str(settings)]).output)
    assert [(row["name"], row["title"], row["kind"]) for row in listed] == [("rain", "雨水管网 Rain", "rain")]
    assert "雨水" in run(main, ["map", "list", "-c", str(settings)]).output
    assert run(main, ["map", "remove", "rain", "-c", str(settings)]).exit_code == 0
    assert run(main, ["map", "remove", "rain", "-c", str(settings)]).exit_code == 1
    named = write(tmp_path, PIPE, "管网.geojson")
    assert run(main, ["map", "import", str(named), "-c", str(settings)]).exit_code == 1
    assert run(main, ["map", "import", str(named), "--name", "gw", "-c", str(settings)]).exit_code == 0
    missing = run(main, ["map", "import", str(tmp_path / "no.json"), "--name", "x", "-c", str(settings)])
    assert missing.exit_code == 1
    assert "读不出来" in missing.stderr
