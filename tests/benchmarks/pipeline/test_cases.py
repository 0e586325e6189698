"""Every combination of what is asked for is a case."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pipeline.cases import list_cases
from runtime.errors import UserError


def test_every_combination() -> None:
    cases = list_cases(None, ["64x48", "96x48"], [1, 2], [1, 3], 20)
    assert len(cases) == 8
    assert cases[0].title == "1 face, 1 stream, 64x48"
    assert cases[-1].title == "2 faces, 3 streams, 96x48"
    source = cases[-1].open()
    frame = source.read()
    assert frame is not None
    assert (frame.picture.width, frame.picture.height) == (96, 48)


def test_a_file_with_every_number_of_streams(clip: Path) -> None:
    one, two = list_cases(str(clip), ["64x48"], [1], [1, 2], 20)
    assert (one.faces, one.streams, two.streams) == (None, 1, 2)
    assert one.title.startswith(f"{clip.name}, 1 stream, ")


@pytest.mark.parametrize("size", ["big", "64", "64x", "31x64", "64x9999"])
def test_a_size_that_is_none(size: str) -> None:
    with pytest.raises(UserError, match="--size must be like 640x480"):
        list_cases(None, [size], [1], [1], 20)
