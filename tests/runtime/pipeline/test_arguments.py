"""What `Pipeline` takes for its sources, models and numbers, and what it refuses in words."""

from __future__ import annotations

import copy
import os
import pickle
import signal
from pathlib import Path

import numpy as np
import pytest

from runtime import Pipeline, SourceConfig, UserError
from runtime.pipeline.keywords import config_of
from runtime.vision.zones import Zone, Zones
from tests.support.fakes import Brain, Finder, Pictures


def _sources(given) -> list[object]:
    return [config.source for config in config_of(given).sources]


def test_everything_that_stands_for_a_source():
    own = Pictures(1)
    assert _sources(0) == ["0"]
    assert _sources(np.int64(2)) == ["2"]
    assert _sources([0, "clip.mp4", Path("a"), b"b.mp4", own]) == [
        *("0", "clip.mp4", Path("a"), "b.mp4", own)
    ]
    assert _sources(own) == [own]
    assert _sources(Path("a")) == [Path("a")]
    assert _sources(source for source in ("a", "b")) == ["a", "b"]
    assert _sources(SourceConfig("a", name="door")) == ["a"]
    assert config_of([SourceConfig(1, name="door"), 2]).sources[0].name == "door"


@pytest.mark.parametrize("wrong", [None, True, 1.5, {}, {"a": 1}, [None], [1.5], object()])
def test_what_is_no_source_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="a source must be a camera's number"):
        Pipeline(wrong)


def test_an_array_is_no_source():
    with pytest.raises(TypeError, match="not an array"):
        Pipeline(np.zeros((2, 4, 4, 3), np.uint8))


@pytest.mark.parametrize("sources", [[], ()])
def test_no_source_at_all(sources):
    with pytest.raises(UserError, match="needs a source"):
        Pipeline(sources)


def test_a_camera_that_is_not_there_is_named():
    with pytest.raises(UserError, match="camera 77"):
        Pipeline(77, Brain(), Finder())
    with pytest.raises(UserError, match="camera -1"):
        Pipeline(-1)


@pytest.mark.parametrize("part", ["engine", "detector"])
def test_no_engine_or_detector_is_a_type_error(part):
    with pytest.raises(TypeError, match=f"{part} must be"):
        Pipeline("demo", **{part: None})


def test_no_frame_is_read_where_none_is_wanted():
    source = Pictures(5)
    source.read = lambda: pytest.fail("it was read")
    assert list(Pipeline(source, Brain(), Finder(), max_frames=0)) == []
    assert len(list(Pipeline(Pictures(5), Brain(), Finder(), max_frames=np.int32(2)))) == 2
    for wrong in (1.5, True, "3"):
        with pytest.raises(TypeError, match="whole number"):
            Pipeline("demo", max_frames=wrong)
    with pytest.raises(UserError, match="0 or more"):
        Pipeline("demo", max_frames=-1)


def test_it_does_not_go_on_in_a_fork():
    pipeline = Pipeline(Pictures(5), Brain(), Finder())
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            list(pipeline)
        except RuntimeError as error:
            os.write(writing, str(error).encode())
        pipeline.close()
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        assert b"made before a fork" in pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(pipeline)) == 5


def test_it_has_no_copy():
    with Pipeline(Pictures(5), Brain(), Finder()) as pipeline:
        for way in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="can't be pickled or copied"):
                way(pipeline)


def test_faces_that_do_not_count_are_no_results_but_stay_regions():
    """The fake's face is 20 wide and 32 high, its centre at (18, 24) of 240 by 48."""
    for keywords, faces in (
        ({"min_face": 20}, 1),
        ({"min_face": 21}, 0),
        ({"zones": Zones((Zone("left", [(0, 0), (0.5, 0), (0.5, 1), (0, 1)]),))}, 1),
        ({"zones": Zones((Zone("right", [(0.5, 0), (1, 0), (1, 1), (0.5, 1)]),))}, 0),
    ):
        brain = Brain()
        results = list(Pipeline(Pictures(12), brain, Finder(), **keywords))
        assert max(len(result.faces) for result in results) == faces, keywords
        assert any(result.regions for result in results)
        if faces == 1 and "zones" in keywords:
            assert results[-1].faces[0].to_dict()["zone"] == "left"
            assert results[-1].zones[0].name == "left"


def test_a_zone_outside_of_the_picture_ends_the_run():
    far = Zones((Zone("far", [(0, 0), (900, 0), (900, 9)], unit="pixels"),), "zones.yaml")
    with pytest.raises(UserError, match=r"zones\.yaml: zone 'far': corner \(900, 0\)"):
        list(Pipeline(Pictures(12), Brain(), Finder(), zones=far))


def test_features_are_of_the_faces_that_were_read():
    with Pipeline("demo", embeddings=True, max_frames=6) as pipeline:
        faces = [face for result in pipeline for face in result.faces]
    given = [face.embedding for face in faces if face.embedding is not None]
    assert given
    assert given[0].dtype == np.float32
    assert len(faces[0].to_dict()["embedding"]) == len(given[0])
    # Between two detections a face is not read: a label of before, and no features.
    assert any(face.embedding is None for face in faces)


def test_an_engine_without_features_is_refused():
    with pytest.raises(UserError, match="no output 'embedding'"):
        Pipeline(Pictures(5), Brain(), Finder(), embeddings=True)


def test_a_fork_in_the_middle_of_a_run_does_not_wait_for_threads_that_it_lacks():
    with Pipeline(Pictures(5), Brain(), Finder()) as pipeline:
        results = iter(pipeline)
        next(results)
        child = os.fork()
        if not child:
            signal.alarm(20)
            try:
                list(results)
            except RuntimeError as error:
                pipeline.close()
                os._exit(0 if "made before a fork" in str(error) else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert len(list(results)) == 4


def test_an_empty_source_is_not_the_current_folder():
    for empty in ("", b"", [""]):
        with pytest.raises(UserError, match="must not be empty"):
            Pipeline(empty, Brain(), Finder())
