"""Manifests, zones and settings of sources of any content give a result or one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.manifest import EMOTIONS, Manifest
from runtime.options.sources import KINDS, read_sources
from runtime.support.cli import option, parse_options
from runtime.vision.zones import read_zones
from tests.conftest import REPO

MANIFEST = json.loads((REPO / "runtime" / "models" / "emotion.json").read_text(encoding="utf-8"))
ZONES = {
    "zones": [
        {"name": "door", "points": [[0.1, 0.2], [0.5, 0.2], [0.5, 0.9]]},
        {"name": "poster", "kind": "exclude", "unit": "pixels", "points": [[0, 0], [9, 0], [9, 9]]},
    ]
}
SOURCES = {
    "sources": [
        {"source": "rtsps://10.0.0.7/live", "name": "door", "rotate": 90, "camera_size": "64x48"},
        "demo",
        0,
    ]
}

#: What a value may be instead: of all types, and words that mean something somewhere.
WORDS = [*EMOTIONS, *KINDS, "zones", "pixels", "include", "~", "=", "<<", "\0", "\n", "\ud800"]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([-1, 0, 1, 2**31, 2**63, 10**30, -(10**400)]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(WORDS),
    st.builds(str.__mul__, st.sampled_from(["a", "9", "["]), st.sampled_from([300, 5000])),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
#: Tags, anchors and marks that a text may get anywhere.
SPOILERS = [
    "!!bool ",
    "!!int ",
    "!!timestamp ",
    "&a ",
    "*a",
    "<<: ",
    "? ",
    "- ",
    "{",
    "]",
    '"',
    "\t",
]
SPOILERS += ["\\ud800", "\\UFFFFFFFF", "\x00", "0x_", "1e999", "2001-99-99", ".nan", "#", "--- "]

quick = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Each container of a value with each of its keys."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [(value, key) for key in keys] + [at for key in keys for at in places(value[key])]


@st.composite
def changed(draw: st.DrawFn, seed: Any) -> Any:
    """A copy of a value with some parts replaced, left out, renamed or repeated."""
    value = json.loads(json.dumps(seed))
    for _ in range(draw(st.integers(1, 3))):
        found = places(value)
        if not found:
            break
        holder, key = draw(st.sampled_from(found))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[draw(st.sampled_from(WORDS))] = holder.pop(key)
        elif kind == 2 and isinstance(holder, list):
            holder *= draw(st.sampled_from([2, 300]))
        else:
            holder[key] = draw(VALUES)
    return value


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> str:
    """A text with marks put in, or parts cut out."""
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(text) - 1)))
        end = at + draw(st.sampled_from([0, 0, 1, 20, 100_000]))
        text = text[:at] + draw(st.sampled_from(SPOILERS)) + text[end:]
    return text


def check(read: Callable[[], object]) -> None:
    """What is read, or one line that can be shown."""
    said = ""
    try:
        read()
    except UserError as error:
        said = str(error)
    assert len(said) < 1000
    said.encode()  # half a surrogate pair can't be shown


@quick
@given(st.data())
def test_manifests(data: st.DataObject) -> None:
    text = data.draw(spoilt(json.dumps(data.draw(changed(MANIFEST)))))

    def read() -> None:
        manifest = Manifest.from_json(text, "m.json")
        assert Manifest.from_json(manifest.to_json()) == manifest

    check(read)


@dataclass
class Options:
    """Those that name sources."""

    source: list[str] = option("source", ["0"])
    sources: Any = option("sources", None, read=read_sources)
    flags: frozenset[str] = field(init=False, default=frozenset())


@pytest.mark.parametrize("seed", [ZONES, SOURCES], ids=["zones", "sources"])
@quick
@given(data=st.data())
def test_yaml_files(tmp_path_factory, seed: Any, data: st.DataObject) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "hostile.yaml"
    plain = yaml.safe_dump(data.draw(changed(seed)), default_flow_style=data.draw(st.booleans()))
    path.write_bytes(data.draw(spoilt(plain)).encode("utf-8", "surrogatepass"))
    check(lambda: read_zones(path))
    check(lambda: parse_options(Options, "x", ["--config", str(path)]))
