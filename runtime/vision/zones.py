"""Zones of a picture: which faces count by where they are, and what the place is called.

zones:
  - name: door
    points: [[0.1, 0.2], [0.5, 0.2], [0.5, 0.9]]     # parts of width and height
  - name: poster
    kind: exclude
    unit: pixels
    points: [[700, 40], [900, 40], [900, 300], [700, 300]]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, TypeGuard

from runtime.errors import UserError
from runtime.support.files.home import home_path
from runtime.support.files.reading import read_input_file
from runtime.support.files.strict_yaml import parse_yaml
from runtime.support.redaction import printable
from runtime.vision.boxes import Box

#: What a zone does with the faces whose centre lies in it: where there is one to include, no
#: other face counts; what is excluded counts nowhere; `name` only gives them its name.
KINDS = ("include", "exclude", "name")

UNITS = ("fraction", "pixels")

#: Largest file in bytes, most zones of one, most points of a zone, and longest name.
_MAX_FILE, _MAX_ZONES, _MAX_POINTS, _MAX_NAME = 1 << 20, 100, 200, 64

#: Largest coordinate in pixels.
_MAX_PIXELS = 65_536

_KEYS = ("name", "kind", "unit", "points")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Outline:
    """A zone in one picture.

    Attributes:
        name: What it is called.
        kind: One of `KINDS`.
        points: Corners (x, y) in pixels, in order round it.
    """

    name: str
    kind: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon with a name.

    Attributes:
        name: What results call it.
        points: At least three corners (x, y), in order round it; the edges don't cross.
        kind: One of `KINDS`.
        unit: `fraction` of the picture's width and height, or `pixels`; of the picture as
            it is processed, turned where it is turned.

    Raises:
        UserError: Something of it is wrong; the message names the zone.
    """

    name: str
    points: tuple[Point, ...]
    kind: str = "include"
    unit: str = "fraction"

    def __post_init__(self) -> None:
        name = self.name
        if not isinstance(name, str) or not name.strip() or len(name) > _MAX_NAME:
            raise UserError(f"a zone needs a name of 1 to {_MAX_NAME} characters")
        if printable(name) != name:
            raise UserError("a zone's name must be printable text")
        for key, choices in (("kind", KINDS), ("unit", UNITS)):
            if getattr(self, key) not in choices:
                raise self._wrong(f"{key} must be {', '.join(choices)}")
        points = self.points
        if not isinstance(points, (list, tuple)) or not 3 <= len(points) <= _MAX_POINTS:
            raise self._wrong(f"points must be a list of 3 to {_MAX_POINTS} corners")
        if not all(map(_is_point, points)):
            raise self._wrong("each corner must be two numbers, x and y")
        pairs = tuple((float(x), float(y)) for x, y in points)
        object.__setattr__(self, "points", pairs)
        most = 1 if self.unit == "fraction" else _MAX_PIXELS
        for x, y in pairs:
            if not (0 <= x <= most and 0 <= y <= most):
                hint = "; for pixels say unit: pixels" if self.unit == "fraction" else ""
                raise self._wrong(f"corner ({x:g}, {y:g}) lies outside of the picture{hint}")
        if _crosses_itself(pairs):
            raise self._wrong("its edges cross: list the corners in order round it")
        if abs(_area(pairs)) <= 1e-12:
            raise self._wrong("it has no area")

    def outline(self, width: int, height: int) -> Outline:
        """The zone in a picture of a size.

        Raises:
            UserError: A corner in pixels lies outside of it.
        """
        if self.unit == "fraction":
            points = tuple((x * width, y * height) for x, y in self.points)
            return Outline(self.name, self.kind, points)
        for x, y in self.points:
            if x > width or y > height:
                raise self._wrong(
                    f"corner ({x:g}, {y:g}) lies outside of the picture of {width}x{height}"
                )
        return Outline(self.name, self.kind, self.points)

    def _wrong(self, what: str) -> UserError:
        return UserError(f"zone {self.name!r}: {what}")


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones of a picture.

    Attributes:
        zones: In their order: of several that hold a face, the first names it.
        origin: Where they come from, for messages.
    """

    zones: tuple[Zone, ...] = ()
    origin: str = ""

    def outlines(self, width: int, height: int) -> tuple[Outline, ...]:
        """All of them in a picture of a size.

        Raises:
            UserError: One lies outside of it.
        """
        try:
            return tuple(zone.outline(width, height) for zone in self.zones)
        except UserError as error:
            raise UserError(f"{self.origin}: {error}" if self.origin else str(error)) from error


def zone_of(outlines: Sequence[Outline], box: Box, min_face: float = 0.0) -> str | None:
    """The zone of a face by its box's centre.

    Args:
        outlines: The picture's zones.
        box: Of the face, in pixels.
        min_face: Least length of its shorter side.

    Returns:
        The first zone's name that holds it, empty for none; None where the face doesn't count.
    """
    if min(box[2] - box[0], box[3] - box[1]) < min_face:
        return None
    if not outlines:
        return ""
    centre = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    holding = [zone for zone in outlines if contains(zone.points, centre)]
    kinds = {zone.kind for zone in holding}
    needs = any(zone.kind == "include" for zone in outlines)
    if "exclude" in kinds or (needs and "include" not in kinds):
        return None
    return holding[0].name if holding else ""


def contains(points: Sequence[Point], point: Point) -> bool:
    """Whether a point lies in a polygon or on its edge."""
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        side = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        if side == 0 and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
            return True
        if (ay > y) != (by > y) and (side > 0) == (by > ay):
            inside = not inside
    return inside


def open_zones(zones: str | Path | Zones | None) -> Zones:
    """Zones as they are, of a file, or none.

    Raises:
        UserError: As `read_zones`.
    """
    if zones is None:
        return Zones()
    return zones if isinstance(zones, Zones) else read_zones(zones)


def read_zones(path: str | Path) -> Zones:
    """Reads a file of zones.

    Raises:
        UserError: It can't be read, is no such file, or a zone is wrong.
    """
    import yaml

    file = home_path(path)
    where = f"--zone {printable(str(file))}"
    try:
        data = parse_yaml(read_input_file(file, _MAX_FILE).decode("utf-8"))
    except OSError as error:
        raise UserError(f"{where}: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        raise UserError(f"{where}: not YAML{line}") from error
    if not isinstance(data, dict) or set(data) != {"zones"} or not isinstance(data["zones"], list):
        raise UserError(f"{where}: must hold a list `zones:` and nothing else")
    if not 1 <= len(data["zones"]) <= _MAX_ZONES:
        raise UserError(f"{where}: must hold 1 to {_MAX_ZONES} zones")
    try:
        zones = tuple(_zone(item, number) for number, item in enumerate(data["zones"]))
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    names = [zone.name for zone in zones]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{where}: two zones have the name {name!r}")
    return Zones(zones, where)


def _zone(item: Any, number: int) -> Zone:
    if not isinstance(item, dict):
        raise UserError(f"zones[{number}]: must hold {', '.join(_KEYS)}")
    name = item.get("name")
    shown = f"zone {name!r}" if isinstance(name, str) else f"zones[{number}]"
    for key in item:
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise UserError(f"{shown}: unknown key {str(key)[:_MAX_NAME]!r}; there are {known}")
    for key in ("name", "points"):
        if key not in item:
            raise UserError(f"{shown}: {key} is missing")
    return Zone(**item)


def _is_point(value: object) -> TypeGuard[Sequence[float]]:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(
            # NaN is within no limits.
            isinstance(v, (int, float)) and not isinstance(v, bool) and -1e9 <= v <= 1e9
            for v in value
        )
    )


def _area(points: Sequence[Point]) -> float:
    """Twice the signed area."""
    edges = zip(points, [*points[1:], points[0]], strict=True)
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in edges)


def _crosses_itself(points: Sequence[Point]) -> bool:
    """Whether two edges cross in a point that is an end of neither."""
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    return any(_cross(*one, *other) for one, other in combinations(edges, 2))


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0
