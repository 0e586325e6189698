"""Outputs in segments: whole each, never over another file, and within a limit on disk."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import av
import pytest

from runtime.errors import UserError
from runtime.sinks.factory import SinkConfig, open_files
from runtime.sinks.files.segments import Segments
from runtime.sinks.group import SinkGroup
from tests.runtime.sinks.conftest import result
from tests.support.clips import length_s


class Source:
    name, live, fps = "camera", False, 10.0


def run(folder: Path, frames: int = 45, size: tuple[int, int] = (64, 64), **settings) -> SinkGroup:
    """Writes frames at ten a second into o.mp4, o.jsonl and o.csv."""
    names = {kind: str(folder / f"o.{end}") for kind, end in KINDS.items()}
    sinks = SinkGroup()
    open_files(SinkConfig(**(names | settings)), ("happiness",), [Source()], sinks)  # type: ignore[list-item]
    try:
        for index in range(frames):
            sinks.write(result(index, size, fps=10))
    finally:
        sinks.close()
    return sinks


KINDS = {"video": "mp4", "json": "jsonl", "csv": "csv"}


def names(folder: Path, suffix: str) -> list[str]:
    return sorted(path.name for path in folder.glob(f"*.{suffix}"))


def test_every_segment_is_whole_and_they_cut_at_the_same_frames(tmp_path):
    sinks = run(tmp_path, segment_s=2)
    assert names(tmp_path, "mp4") == ["o-000001.mp4", "o-000002.mp4", "o-000003.mp4"]
    for number, first, count in ((1, 0, 20), (2, 20, 20), (3, 40, 5)):
        stem = f"o-{number:06}"
        lines = (tmp_path / f"{stem}.jsonl").read_text().splitlines()
        assert [json.loads(line)["frame"] for line in lines] == list(range(first, first + count))
        with (tmp_path / f"{stem}.csv").open() as file:
            assert [int(row["frame"]) for row in csv.DictReader(file)] == [
                *range(first, first + count)
            ]
        with av.open(str(tmp_path / f"{stem}.mp4")) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        assert (len(packets), packets[0].pts, packets[0].is_keyframe) == (count, 0, True)
        assert length_s(tmp_path / f"{stem}.mp4") == pytest.approx(count / 10, abs=0.01)
    assert sinks.written()[str(tmp_path / "o.mp4")].startswith("3 files to ")


def test_a_later_run_goes_on_after_the_numbers_of_all_outputs(tmp_path):
    run(tmp_path, 5, segment_s=2, csv=None)
    (tmp_path / "o-000007.csv").write_text("somebody's")
    (tmp_path / "o-20261128.mp4").write_text("a date")
    (tmp_path / "o-000009.jsonl").symlink_to("elsewhere")
    run(tmp_path, 25, segment_s=2)
    assert names(tmp_path, "mp4") == [
        *("o-000001.mp4", "o-000010.mp4", "o-000011.mp4", "o-20261128.mp4"),
    ]
    assert (tmp_path / "o-000007.csv").read_text() == "somebody's"
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_comes_between_is_passed_over(tmp_path):
    segments = Segments(1, [tmp_path / "o.csv"])
    assert segments.number(0) == 1
    (tmp_path / "o-000002.csv").symlink_to("elsewhere")
    assert segments.number(1) == 3
    (tmp_path / "o-000003.csv").write_text("somebody's")
    with pytest.raises(FileExistsError):
        segments.create(tmp_path / "o.csv", 3, 0o600)


def test_the_oldest_go_first_and_nothing_but_our_own(tmp_path):
    run(tmp_path, 5, segment_s=2)  # an earlier run's stay
    (tmp_path / "o.mp4").write_bytes(bytes(2_000_000))
    (tmp_path / "o-x.csv").write_bytes(bytes(2_000_000))
    before = set(tmp_path.iterdir())
    settings = {"segment_s": 1, "max_disk_mb": 0.01}
    run(tmp_path, 95, **settings)
    ours = set(tmp_path.iterdir()) - before
    assert before <= set(tmp_path.iterdir())
    numbers = sorted({path.stem for path in ours})
    assert numbers[-1] == "o-000011"
    assert "o-000002" not in numbers
    finished = [path for path in ours if path.stem != numbers[-1]]
    assert sum(path.stat().st_size for path in finished) <= 10_000


def test_what_took_a_segment_s_name_is_not_removed(tmp_path):
    base = tmp_path / "o.csv"
    segments = Segments(1, [base], max_bytes=10)
    for number in (1, 2, 3):
        path, fd = segments.create(base, number, 0o600)
        os.write(fd, b"x" * 50)
        os.close(fd)
        segments.finish(base)
        if number == 1:
            path.unlink()
            path.write_text("somebody's other file")
    segments.create(base, 4, 0o600)
    assert names(tmp_path, "csv") == ["o-000001.csv", "o-000004.csv"]
    assert (tmp_path / "o-000001.csv").read_text() == "somebody's other file"


def test_several_streams_cut_by_the_one_that_is_ahead(tmp_path):
    base = tmp_path / "o.jsonl"
    segments = Segments(2, [base])
    assert [segments.number(time) for time in (5, 0, 6, 1, 7, 2, 8.9, 9)] == [
        1,
        1,
        1,
        1,
        2,
        2,
        2,
        3,
    ]


@pytest.mark.parametrize("setting", [{"segment_s": 1.0}, {"max_disk_mb": 5.0}])
@pytest.mark.parametrize("files", [{}, {"json": "-"}, {"json": "/dev/null"}])
def test_segments_need_files(setting, files):
    with pytest.raises(UserError, match=f"--{next(iter(setting))}"):
        SinkConfig(**files, **setting)


def test_a_full_disk_in_a_later_segment_is_one_line(tmp_path, monkeypatch):
    real, made = os.open, []

    def full(path, flags, *more, **named):
        if "-00000" in str(path) and flags & os.O_CREAT:
            made.append(path)
            if len(made) > 3:
                raise OSError(28, "No space left on device")
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(UserError, match="--output_json .*No space left"):
        run(tmp_path, segment_s=2)
    assert length_s(tmp_path / "o-000001.mp4") == pytest.approx(2, abs=0.01)
    lines = (tmp_path / "o-000001.jsonl").read_text().splitlines()
    assert len(lines) == 20


def test_a_hold_longer_than_a_segment_is_in_one_film(tmp_path):
    sinks = SinkGroup()
    config = SinkConfig(video=str(tmp_path / "o.mp4"), segment_s=2)
    open_files(config, (), [Source()], sinks)  # type: ignore[list-item]
    for index, time_s in enumerate((0, 0.1, 9, 9.1)):
        sinks.write(replace(result(index, (64, 64)), time_s=time_s))
    sinks.close()
    assert length_s(tmp_path / "o-000001.mp4") == pytest.approx(9, abs=0.01)
    assert length_s(tmp_path / "o-000002.mp4") == pytest.approx(0.2, abs=0.01)
