import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from runtime import Pipeline, StageError, open_engine
from runtime.errors import SourceError
from runtime.messages import Face
from runtime.sources.demo_scene import demo_scenes
from runtime.vision.picture import Picture
from tests.support.fakes import Brain, Finder, Pictures


def threads() -> int:
    return threading.active_count()


def test_the_demo_gives_labelled_tracks(tiny_engine):
    with Pipeline(["demo"], str(tiny_engine), max_frames=20) as pipeline:
        results = list(pipeline)
    assert [r.frame for r in results] == list(range(20))
    assert {f.track for r in results for f in r.faces} == {1}
    assert all(len(r.faces) == 1 for r in results)
    face = results[-1].faces[0]
    assert sum(face.probabilities.values()) == pytest.approx(1)
    assert 0 < face.confidence <= 1
    assert all(r.latency_ms > 0 for r in results)


def test_a_file_loses_no_frame_and_ends():
    before = threads()
    source = Pictures(200)
    pipeline = Pipeline([source], Brain(), Finder())
    results = list(pipeline)
    assert [r.frame for r in results] == list(range(200))
    assert pipeline.metrics.summary()["dropped"] == 0
    assert threads() == before


def test_regions_hold_all_that_may_be_a_face():
    class Fading(Finder):
        def detect(self, picture, regions=None, scale=1.0):
            (face,) = super().detect(picture)
            weak = Face((40.0, 8.0, 60.0, 40.0), 0.5)  # begins no track
            return [[face, weak], [weak], []][min(self.calls - 1, 2)]

    results = list(Pipeline([Pictures(30, fps=10.0)], Brain(), Fading()))
    face, weak = (8.0, 8, 28, 40), (40.0, 8.0, 60.0, 40.0)
    assert set(results[0].regions) == {face, weak}
    assert set(results[1].regions) == {face, weak}
    assert set(results[9].regions) == {face, weak}
    assert results[9].faces == ()
    assert results[28].regions == ()


def test_weak_detections_change_no_face():
    class Weak(Finder):
        def detect(self, picture, regions=None, scale=1.0):
            return [*super().detect(picture), Face((40.0, 8.0, 60.0, 40.0), 0.25)]

    plain = list(Pipeline([Pictures(5)], Brain(), Finder()))
    sensitive = list(Pipeline([Pictures(5)], Brain(), Weak(), regions_score=0.2))
    assert [r.faces for r in sensitive] == [r.faces for r in plain]
    assert all((40.0, 8.0, 60.0, 40.0) in r.regions for r in sensitive)


def test_a_failed_stage_can_be_asked_for():
    pipeline = Pipeline([Pictures(100)], Brain(), Finder(fail_at=3))
    assert pipeline.error is None
    with pytest.raises(StageError):
        list(pipeline)
    assert pipeline.error is not None
    assert pipeline.error.stage == "detect"


def test_a_live_source_drops_the_oldest_and_counts():
    source = Pictures(200, live=True, pace=0.001)
    pipeline = Pipeline([source], Brain(), Finder(delay=0.01))
    frames = [r.frame for r in pipeline]
    dropped = pipeline.metrics.summary()["dropped"]
    assert dropped > 50
    assert len(frames) + dropped == 200
    assert frames == sorted(frames)
    assert frames[-1] == 199


def test_all_faces_of_a_frame_go_in_one_batch():
    brain = Brain()
    results = list(Pipeline([Pictures(10, fps=12)], brain, Finder(faces=6), max_batch=64))
    assert all(len(r.faces) == 6 for r in results)
    assert min(brain.sizes) == 6
    assert sum(brain.sizes) == 60


def test_streams_keep_their_order_and_their_tracks():
    pipeline = Pipeline([Pictures(30), Pictures(30)], Brain(), Finder())
    results = list(pipeline)
    for stream in (0, 1):
        mine = [r for r in results if r.stream == stream]
        assert [r.frame for r in mine] == list(range(30))
        assert {f.track for r in mine for f in r.faces} == {1}


@pytest.mark.parametrize(
    ("stage", "parts"),
    [
        ("capture", {"source": {"fail_at": 7}}),
        ("detect", {"finder": {"fail_at": 7}}),
        ("classify", {"brain": {"fail_at": 7}}),
    ],
)
def test_the_first_error_of_a_stage_comes_out_with_its_name(stage, parts):
    before = threads()
    source = Pictures(100, fps=12, **parts.get("source", {}))
    pipeline = Pipeline(
        [source], Brain(**parts.get("brain", {})), Finder(**parts.get("finder", {})), max_batch=1
    )
    done = []
    with pytest.raises(StageError, match="broke|unplugged") as error:
        for result in pipeline:
            done.append(result.frame)
    assert error.value.stage == stage
    assert error.value.frame == 7
    assert error.value.__cause__ is not None
    assert done == list(range(7))  # what was finished before still came out
    assert threads() == before


class Lost(Pictures):
    """A live source that is lost after its first frames and waits to be interrupted."""

    def __init__(self, count):
        super().__init__(count, live=True)
        self.woken = threading.Event()
        self.connected, self.reconnects = True, 3

    def read(self):
        if self.index < self.count:
            return super().read()
        self.connected = False
        assert self.woken.wait(60), "never interrupted"
        return None

    def interrupt(self):
        self.woken.set()


def streams(pipeline, key="state"):
    return [stream[key] for stream in pipeline.metrics.summary()["streams"]]


def test_one_dead_source_leaves_the_others_going(caplog):
    before = threads()
    sources = [Pictures(30), Pictures(30, fail_at=4), Pictures(30)]
    pipeline = Pipeline(sources, Brain(), Finder())
    results = list(pipeline)
    for stream, count in enumerate((30, 4, 30)):
        assert [r.frame for r in results if r.stream == stream] == list(range(count))
    assert streams(pipeline) == ["ended", "failed", "ended"]
    assert streams(pipeline, "frames") == [30, 4, 30]
    assert caplog.text.count("source 1 (pictures) failed: capture, frame 4: unplugged") == 1
    assert threads() == before


def test_only_when_all_sources_have_failed_is_it_an_error():
    done = []
    pipeline = Pipeline([Pictures(30, fail_at=4), Pictures(30, fail_at=9)], Brain(), Finder())
    with pytest.raises(StageError, match="unplugged") as error:
        for result in pipeline:
            done.append((result.stream, result.frame))
    assert error.value.stage == "capture"
    assert len(done) == 13
    assert streams(pipeline) == ["failed", "failed"]


def test_a_source_that_cannot_be_opened_leaves_the_others_going(clip, caplog):
    pipeline = Pipeline(["/nope.mp4", str(clip), "97"], Brain(), Finder())
    results = list(pipeline)
    assert [r.stream for r in results] == [1] * 40
    assert streams(pipeline) == ["failed", "ended", "failed"]
    assert streams(pipeline, "name") == ["/nope.mp4", str(clip), "97"]
    assert "no such file" in caplog.text
    assert "camera 97 can't be opened" in caplog.text


def test_sources_are_opened_at_the_same_time(monkeypatch):
    import runtime.pipeline.parts as module

    all_there = threading.Barrier(3)

    def opens(config):
        all_there.wait(20)
        return Pictures(int(config.source))

    before = threads()
    monkeypatch.setattr(module, "open_source", opens)
    with Pipeline(["1", Pictures(4), "2", "3"], Brain(), Finder()) as pipeline:
        assert [source.count for source in pipeline.sources] == [1, 4, 2, 3]
        assert threads() <= before


def test_when_no_source_can_be_opened_the_first_error_is_raised(caplog):
    with pytest.raises(SourceError, match=r"/nope.mp4: no such file"):
        Pipeline(["/nope.mp4", "97"], Brain(), Finder())
    assert "camera 97 can't be opened" in caplog.text


def test_a_lost_source_is_counted_and_does_not_hold_up_the_end():
    before = threads()
    lost = Lost(5)
    pipeline = Pipeline([lost, Pictures(20)], Brain(), Finder())
    seen = []

    def on_wait():
        first, other = pipeline.metrics.summary()["streams"]
        whole = first["frames"] + first["dropped"] == 5 and other["frames"] == 20
        if whole and other["state"] == "ended" and not lost.connected:
            seen.append(first)
            pipeline.stop()

    pipeline.on_wait = on_wait
    results = list(pipeline)
    first = seen[0]
    assert first["state"] == "reconnecting"
    assert first["reconnects"] == 3
    assert len([r for r in results if r.stream == 1]) == 20
    assert streams(pipeline) == ["stopped", "ended"]
    assert threads() == before


def test_closing_interrupts_a_lost_source():
    before = threads()
    lost = Lost(1)
    with Pipeline([lost], Brain(), Finder()) as pipeline:
        for _ in pipeline:
            break
    assert lost.woken.is_set()
    assert threads() == before


def test_the_time_to_come_back_reaches_the_sources(monkeypatch):
    import runtime.pipeline.parts as module

    asked = []
    monkeypatch.setattr(module, "open_source", lambda config: asked.append(config) or Pictures(1))
    with Pipeline(["a", "b"], Brain(), Finder(), reconnect_s=7):
        pass
    with Pipeline("a", Brain(), Finder()):
        pass
    assert [config.source for config in asked] == ["a", "b", "a"]
    assert [config.reconnect_s for config in asked] == [7, 7, float("inf")]


def test_leaving_early_ends_the_threads_and_frees_the_source(tiny_engine):
    before = threads()
    with Pipeline(["demo"], str(tiny_engine)) as pipeline:
        for _ in pipeline:
            break
    assert threads() == before
    pipeline.close()
    with pytest.raises(RuntimeError, match="runs once"):
        next(iter(pipeline))


def test_a_plain_loop_left_early_frees_the_source(tiny_engine, monkeypatch):
    import runtime.pipeline.parts as module

    source = Pictures(1000)
    monkeypatch.setattr(module, "open_source", lambda *_: source)
    before = threads()
    for _ in Pipeline("anything", tiny_engine, Finder()):
        break
    assert threads() == before
    assert source.closed


class Stuck(Pictures):
    """A source whose fourth read hangs until it is released, as a dead camera's may."""

    def __init__(self):
        super().__init__(100)
        self.release = threading.Event()
        self.reading = False

    def read(self):
        if self.index == 3:
            self.reading = True
            self.release.wait(30)
            self.reading = False
            return None
        return super().read()

    def close(self):
        assert not self.reading, "closed while it is being read"
        super().close()


def test_a_source_that_hangs_is_never_freed_while_it_is_read(monkeypatch):
    import runtime.pipeline.parts as module

    source = Stuck()
    monkeypatch.setattr("runtime.pipeline.pipeline._JOIN_S", 0.2)
    monkeypatch.setattr(module, "open_source", lambda *_: source)
    pipeline = Pipeline(["stuck"], Brain(), Finder())
    with pipeline:
        for result in pipeline:
            if result.frame == 2:
                break
        pipeline.close()
        pipeline.close()
    assert not source.closed
    source.release.set()
    deadline = time.monotonic() + 5
    while source.reading and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.1)
    pipeline.close()
    assert source.closed


def test_stop_ends_a_hanging_pipeline_and_waiting_is_told(monkeypatch):
    monkeypatch.setattr("runtime.pipeline.pipeline._JOIN_S", 0.3)
    source = Stuck()
    pipeline = Pipeline([source], Brain(), Finder())
    waits = []
    pipeline.on_wait = lambda: waits.append(1) or (len(waits) == 3 and pipeline.stop())
    assert [r.frame for r in pipeline] == [0, 1, 2]
    assert len(waits) >= 3
    source.release.set()


@pytest.mark.parametrize("stage", ["detect", "classify"])
def test_a_stage_that_never_returns_is_named_after_stop(monkeypatch, caplog, stage):
    monkeypatch.setattr("runtime.pipeline.pipeline._JOIN_S", 0.3)
    before = threads()
    release = threading.Event()

    class HangingFinder(Finder):
        def detect(self, picture, regions=None, scale=1.0):
            assert stage != "detect" or release.wait(30)
            return super().detect(picture)

    class HangingBrain(Brain):
        def infer(self, batch, outputs=("logits",)):
            assert stage != "classify" or release.wait(30)
            return super().infer(batch)

    pipeline = Pipeline([Pictures(5)], HangingBrain(), HangingFinder())
    pipeline.on_wait = pipeline.stop
    start = time.monotonic()
    with pytest.raises(StageError, match=f"{stage}: hangs: did not end within 0.3 s") as error:
        list(pipeline)
    assert error.value.stage == stage
    assert time.monotonic() - start < 3
    assert caplog.text.count(f"{stage} did not end") == 1
    release.set()
    deadline = time.monotonic() + 5
    while threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() <= before


def test_a_stage_that_is_slow_does_not_hang(monkeypatch, caplog):
    monkeypatch.setattr("runtime.pipeline.pipeline._JOIN_S", 0.2)
    monkeypatch.setattr("runtime.pipeline.pipeline._HEAR_S", 0.0)
    pipeline = Pipeline([Pictures(50, fps=12)], Brain(), Finder(delay=0.7))
    for result in pipeline:
        if result.frame == 1:
            pipeline.stop()
    assert "detect did not end" in caplog.text


def test_a_reader_that_hangs_holds_up_neither_the_camera_nor_the_end():
    before = threads()
    source = Pictures(10**6, live=True, pace=0.001)
    with Pipeline([source], Brain(), Finder()) as pipeline:
        for _ in pipeline:
            deadline = time.monotonic() + 20
            while pipeline.metrics.summary()["dropped"] < 50 and time.monotonic() < deadline:
                time.sleep(0.01)
            break
        assert pipeline.metrics.summary()["dropped"] >= 50
    assert threads() <= before  # a test before may have left one that ends late


def test_an_extension_that_panics_is_an_error_not_a_hang():
    class Panic(BaseException):
        pass

    class Panicking(Finder):
        def detect(self, picture, regions=None, scale=1.0):
            raise Panic("panicked")

    with pytest.raises(StageError, match="panicked"):
        list(Pipeline([Pictures(5)], Brain(), Panicking()))


def test_no_source_is_an_error():
    with pytest.raises(SourceError, match="needs a source"):
        Pipeline([])


def test_a_broken_source_leaves_nothing_open(tiny_engine, monkeypatch):
    import runtime.pipeline.parts as module

    closed = []
    real = module.open_engine

    def tracked(*args):
        engine = real(*args)
        monkeypatch.setattr(engine, "close", lambda: closed.append(1))
        return engine

    monkeypatch.setattr(module, "open_engine", tracked)
    with pytest.raises(SourceError):
        Pipeline(["/nope.mp4"], str(tiny_engine))
    assert closed == [1]


def test_parts_of_the_callers_own_stay_the_callers():
    source = Pictures(3)
    list(Pipeline([source], Brain(), Finder()))
    assert not source.closed


def test_a_missed_detection_keeps_the_label():
    class Blinking(Finder):
        def detect(self, picture, regions=None, scale=1.0):
            return [] if self.calls_up() % 4 == 3 else super().detect(picture)

        def calls_up(self):
            self.calls += 1
            return self.calls

    results = list(Pipeline([Pictures(16)], Brain(), Blinking()))
    assert all(len(r.faces) == 1 for r in results)
    assert {f.emotion for r in results for f in r.faces} == {"happiness"}
    assert {f.track for r in results for f in r.faces} == {1}


def test_frames_of_changing_size_and_depth():
    class Odd(Pictures):
        shapes = ((48, 64, 3), (480, 640, 3), (31, 17), (1, 1, 3), (40, 40, 4))

        def read(self):
            frame = super().read()
            image = np.zeros(self.shapes[self.index % 5], np.uint8)
            return frame and replace(frame, picture=Picture(image))

    assert len(list(Pipeline([Odd(10)], Brain(), Finder()))) == 10


def test_the_group_scene_keeps_six_tracks(tiny_engine):
    scenes = demo_scenes()
    from runtime.sources.demo_scene import group_picture

    if group_picture() is None:
        pytest.skip("needs insightface, whose wheel has the group picture")
    group = scenes[1]

    class Scene(Pictures):
        def read(self):
            frame = super().read()
            return frame and replace(frame, picture=Picture(group.render(120 + self.index)))

    results = list(Pipeline([Scene(40, fps=30.0)], open_engine(tiny_engine)))
    assert all(len(r.faces) == 6 for r in results[5:])
    assert len({f.track for r in results for f in r.faces}) == 6


@pytest.mark.parametrize(
    "name", ["head-pose-face-detection-female", "head-pose-face-detection-male"]
)
def test_a_turning_head_keeps_one_track(clips_dir, tiny_engine, name):
    with Pipeline([str(clips_dir / f"{name}.gif")], str(tiny_engine)) as pipeline:
        results = list(pipeline)
    faces = [f for r in results for f in r.faces]
    assert len(faces) >= 0.9 * len(results)
    assert {f.track for f in faces} == {1}


def test_the_man_who_smiles_is_happy(clips_dir):
    with Pipeline([str(clips_dir / "head-pose-face-detection-male.gif")]) as pipeline:
        seen = {f.emotion for r in pipeline for f in r.faces if not f.uncertain}
    assert "happiness" in seen


def test_an_error_after_the_last_frame_asked_for_is_not_raised():
    pipeline = Pipeline([Pictures(100, fail_at=4)], Brain(), Finder(), max_frames=2)
    assert [r.frame for r in pipeline] == [0, 1]


def test_work_is_shed_where_results_come_late():
    """A slow engine and detector: predicted frames, fewer faces a run, all of them labelled."""

    class SlowBrain(Brain):
        def infer(self, batch, outputs=("logits",)):
            time.sleep(0.004 * len(batch))
            return super().infer(batch)

    brain, finder = SlowBrain(), Finder(faces=6, delay=0.01)
    source = Pictures(200, live=True, pace=0.01)
    with Pipeline([source], brain, finder, latency_target_ms=5) as pipeline:
        results = list(pipeline)
        shed = pipeline.load_shedding.figures()
    assert shed["deepest"] >= 3
    assert finder.calls < len(results)
    assert all(len(r.faces) == 6 for r in results), "every face keeps a label"
    frames = [r.frame for r in results]
    assert frames == sorted(frames)
    # With three seconds to spare, nothing is.
    finder = Finder()
    with Pipeline([Pictures(30, fps=12)], Brain(), finder, latency_target_ms=3000) as pipeline:
        assert len(list(pipeline)) == finder.calls == 30


def test_a_files_own_queue_is_no_lag():
    finder = Finder(delay=0.005)
    with Pipeline([Pictures(40, fps=12)], Brain(), finder, latency_target_ms=1) as pipeline:
        assert len(list(pipeline)) == finder.calls == 40
        assert pipeline.load_shedding.figures()["deepest"] == 0


def test_every_picture_of_a_folder_is_looked_at_whatever_the_target():
    class Named(Pictures):
        def read(self):
            frame = super().read()
            return frame and replace(frame, name=f"{self.index}.png")

    finder = Finder(delay=0.005)
    pictures = Named(40, live=True, pace=0.02)
    with Pipeline([pictures], Brain(), finder, latency_target_ms=1) as pipeline:
        assert len(list(pipeline)) == finder.calls
        assert pipeline.load_shedding.figures()["deepest"] > 0
