"""What every sink keeps to, whatever it does with the results."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from runtime.messages import FrameResult
from runtime.sinks.base import Sink
from runtime.sinks.files.csv import CsvSink
from runtime.sinks.files.jsonl import JsonSink
from runtime.sinks.files.video import VideoSink
from runtime.sinks.group import SinkGroup
from runtime.sinks.remote.queue import RemoteSink
from tests.conftest import read_back
from tests.runtime.sinks.conftest import result, wait_until
from tests.support.receivers import MOSQUITTO, Broker, http_receiver


@dataclass
class Case:
    """A sink and what came out of it.

    Attributes:
        sink: The sink.
        frames: Number of frames that arrived, after `close`; None where nobody can count.
        files: What it may write.
    """

    sink: Sink | SinkGroup
    frames: Callable[[], int] | None
    files: tuple[Path, ...] = ()


def _jsonl(folder: Path, _: ExitStack) -> Case:
    path = folder / "o.jsonl"
    return Case(JsonSink(str(path)), lambda: len(_objects(path)), (path,))


def _csv(folder: Path, _: ExitStack) -> Case:
    path = folder / "o.csv"

    def frames() -> int:
        with path.open(newline="") as stream:
            return len({row["frame"] for row in csv.DictReader(stream)})

    return Case(CsvSink(str(path), ["happiness"]), frames, (path,))


def _video(folder: Path, _: ExitStack) -> Case:
    path = folder / "o.mp4"
    return Case(VideoSink(path, 25), lambda: len(read_back(path)), (path,))


def _webhook(_: Path, stack: ExitStack) -> Case:
    from runtime.sinks.remote.webhook import Webhook

    server = stack.enter_context(http_receiver())
    url = server.url.replace("http://", "http://user:s3cret@") + "/s3cret"
    return Case(RemoteSink(Webhook(url), flush_s=60), lambda: len(server.requests))


def _mqtt(folder: Path, stack: ExitStack) -> Case:
    paho = pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt (the extra mqtt)")
    if MOSQUITTO is None:
        pytest.skip("needs mosquitto (apt-get install mosquitto)")
    from runtime.sinks.remote.mqtt import Mqtt

    broker = Broker(folder, "allow_anonymous true")
    broker.start()
    stack.callback(broker.stop)
    got: list[bytes] = []
    ready: list[bool] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_connect = lambda c, *_: c.subscribe("faces", 1)
    client.on_subscribe = lambda *_: ready.append(True)
    client.on_message = lambda _c, _d, message: got.append(message.payload)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    stack.callback(client.loop_stop)
    stack.callback(client.disconnect)
    wait_until(lambda: bool(ready))
    url = f"mqtt://user:s3cret@127.0.0.1:{broker.port}/faces"
    return Case(RemoteSink(Mqtt(url), flush_s=60), lambda: len(got))


def _window(_: Path, stack: ExitStack) -> Case:
    """On SDL's screen without a picture, which is on every machine."""
    pytest.importorskip("sdl2", reason="needs SDL")
    from runtime.sinks.window import WindowSink

    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setenv("SDL_VIDEODRIVER", "dummy")
    return Case(WindowSink("emotion"), None)


def _group(folder: Path, stack: ExitStack) -> Case:
    cases = [_jsonl(folder, stack), _csv(folder, stack), _webhook(folder, stack)]
    group = SinkGroup()
    for case in cases:
        assert not isinstance(case.sink, SinkGroup)
        group.add(case.sink)

    def frames() -> int:
        counts = {case.frames() for case in cases if case.frames is not None}
        assert len(counts) == 1, counts
        return counts.pop()

    return Case(group, frames, tuple(file for case in cases for file in case.files))


CASES = {
    "jsonl": _jsonl,
    "csv": _csv,
    "video": _video,
    "webhook": _webhook,
    "mqtt": _mqtt,
    "window": _window,
    "group": _group,
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with ExitStack() as stack:
        made = CASES[request.param](tmp_path, stack)
        stack.callback(made.sink.close)
        yield made


def _objects(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_was_written_is_there_once_it_is_closed(case: Case) -> None:
    for i in range(12):
        case.sink.write(result(i))
    case.sink.close()
    if case.frames is not None:
        frames = case.frames
        wait_until(lambda: frames() >= 12)  # a broker passes messages on when it likes
        assert frames() == 12


def test_a_second_close_does_nothing(case: Case) -> None:
    case.sink.write(result())
    case.sink.close()
    before = [file.read_bytes() for file in case.files]
    case.sink.close()
    assert [file.read_bytes() for file in case.files] == before


def test_without_a_result_nothing_is_written(case: Case) -> None:
    case.sink.close()
    assert not any(file.exists() for file in case.files)


def test_a_result_is_left_as_it_is(case: Case) -> None:
    given = result(3, faces=2)
    image, told = given.image.copy(), given.to_dict()
    case.sink.write(given)
    case.sink.close()
    assert np.array_equal(given.image, image)
    assert given.to_dict() == told


@pytest.mark.parametrize(
    "results",
    [
        [result(0, faces=0), result(1, faces=6), result(2, faces=0)],
        [result(0), result(1, (121, 161)), result(2, (480, 640))],
        [result(5), result(5), result(2)],
        [FrameResult(None, 0, 0.0, np.zeros((1, 1, 3), np.uint8), (), 0.0)],
    ],
    ids=["no face and many", "changing sizes", "times that go back", "one pixel, no stream"],
)
def test_any_result_is_taken(case: Case, results: list[FrameResult]) -> None:
    for one in results:
        case.sink.write(one)
    case.sink.close()


def test_its_name_is_one_line_without_secrets(case: Case) -> None:
    if isinstance(case.sink, SinkGroup):
        assert case.sink.busy is None
        return
    assert case.sink.name
    assert case.sink.name.isprintable()
    assert "s3cret" not in case.sink.name
