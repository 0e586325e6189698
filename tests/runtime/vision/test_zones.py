from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.vision.zones import Outline, Zone, Zones, contains, read_zones, zone_of

SQUARE = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))

_side = st.integers(0, 40)
_point = st.tuples(_side, _side)


def _file(folder: Path, text: str) -> Path:
    path = folder / "zones.yaml"
    path.write_text(text)
    return path


def _around(angles: list[float], radii: list[int]) -> list[tuple[float, float]]:
    """A polygon whose edges don't cross: corners by their angle round a centre."""
    corners = zip(sorted(angles), radii, strict=False)
    return [(50 + r * math.cos(a), 50 + r * math.sin(a)) for a, r in corners]


@settings(deadline=None, max_examples=300)
@given(st.lists(_point, min_size=3, max_size=9, unique=True), _point)
def test_inside_is_what_opencv_calls_inside(corners, point):
    """Corners in any order: the edges may cross, and points lie on edges and corners too."""
    contour = np.array(corners, np.int32)
    wanted = cv2.pointPolygonTest(contour, tuple(map(float, point)), False) >= 0
    assert contains(corners, point) == wanted


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.floats(0, 6.28), min_size=3, max_size=9, unique=True),
    st.lists(st.integers(5, 40), min_size=9, max_size=9),
    _point,
    st.integers(1, 50),
    st.integers(-100, 100),
)
def test_inside_follows_the_polygon_when_it_is_moved_and_turned_round(a, r, point, by, off):
    corners = [(round(x), round(y)) for x, y in _around(a, r)]
    where = contains(corners, point)
    assert contains(corners[::-1], point) == where
    assert contains(corners[1:] + corners[:1], point) == where
    moved = [(x * by + off, y * by - off) for x, y in corners]
    assert contains(moved, (point[0] * by + off, point[1] * by - off)) == where


def test_where_a_face_counts():
    left = Outline("left", "include", ((0, 0), (50, 0), (50, 100), (0, 100)))
    poster = Outline("poster", "exclude", ((0, 0), (20, 0), (20, 20), (0, 20)))
    desk = Outline("desk", "name", ((0, 50), (100, 50), (100, 100), (0, 100)))

    def box(x: float, y: float) -> tuple[float, float, float, float]:
        return x - 4, y - 4, x + 4, y + 4

    assert zone_of([], box(80, 80)) == ""
    assert zone_of([left], box(80, 80)) is None
    assert zone_of([left], box(30, 80)) == "left"
    assert zone_of([left, poster], box(10, 10)) is None
    assert zone_of([poster], box(80, 80)) == ""
    assert zone_of([desk, left], box(30, 80)) == "desk"
    assert zone_of([desk, left], box(80, 80)) is None
    assert zone_of([desk], box(80, 10)) == ""
    assert zone_of([], (0, 0, 40, 19), 20) is None
    assert zone_of([], (0, 0, 40, 20), 20) == ""


def test_fractions_are_of_the_picture_and_pixels_stay():
    assert Zone("a", SQUARE).outline(640, 480).points[2] == (320, 480)
    pixels = Zone("b", ((0, 0), (600, 0), (600, 400)), unit="pixels")
    assert pixels.outline(640, 480).points[1] == (600, 0)
    with pytest.raises(UserError, match=r"f\.yaml: zone 'b': corner \(600, 0\).*320x240"):
        Zones((pixels,), "f.yaml").outlines(320, 240)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([[0, 0], [1, 1]], "3 to 200 corners"),
        ("abc", "3 to 200 corners"),
        ([[0, 0], [1, 0], [1]], "two numbers"),
        ([[0, 0], [1, 0], ["1", 1]], "two numbers"),
        ([[0, 0], [1, 0], [True, 1]], "two numbers"),
        ([[0, 0], [1, 0], [1, math.nan]], "two numbers"),
        ([[0, 0], [1, 0], [1, 10**400]], "two numbers"),
        ([[0, 0], [640, 0], [1, 1]], "outside of the picture; for pixels say unit: pixels"),
        ([[0, 0], [1, 0], [1, -0.1]], "outside"),
        ([[0, 0], [1, 1], [1, 0], [0, 1]], "edges cross"),
        ([[0, 0], [0.5, 0.5], [1, 1]], "no area"),
    ],
)
def test_a_wrong_polygon_is_one_line_that_names_it(points, says):
    with pytest.raises(UserError, match="zone 'door'") as caught:
        Zone("door", points)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_zones(tmp_path):
    path = _file(
        tmp_path,
        "zones:\n  - name: door\n    points: [[0, 0], [0.5, 0], [0.5, 1]]\n"
        "  - {name: tv, kind: exclude, unit: pixels, points: [[0, 0], [9, 0], [9, 9]]}\n",
    )
    door, tv = read_zones(path).zones
    assert (door.name, door.kind, door.unit) == ("door", "include", "fraction")
    assert (tv.name, tv.kind, tv.points[2]) == ("tv", "exclude", (9.0, 9.0))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must hold a list"),
        ("zones: 3", "must hold a list"),
        ("zones: []", "1 to 100 zones"),
        ("zones: [", "not YAML"),
        ("a: !!python/object:os.system {}", "not YAML"),
        ("zones: [3]", "zones[0]"),
        ("zones: [{name: a}]", "zone 'a': points is missing"),
        ("zones: [{points: [[0, 0], [1, 0], [1, 1]]}]", "zones[0]: name is missing"),
        ("zones: [{name: a, points: 1, color: red}]", "unknown key 'color'"),
        ("zones: [{name: a, kind: out, points: []}]", "kind must be include, exclude, name"),
        ("zones: [{name: '', points: []}]", "needs a name"),
        ('zones: [{name: "\\e[1m", points: []}]', "printable"),
        (
            "zones:\n" + 2 * "- {name: a, points: [[0, 0], [1, 0], [1, 1]]}\n",
            "two zones have the name 'a'",
        ),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(tmp_path, text, says):
    path = _file(tmp_path, text)
    with pytest.raises(UserError) as caught:
        read_zones(path)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"--zone {path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_zones(tmp_path / "none.yaml")
