import csv
import http.client
import http.server
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import av
import numpy as np
import pytest

from runtime.detectors.factory import open_detector
from runtime.engines.catalogue import SHIPPED_HEAD
from runtime.manifest import EMOTIONS
from runtime.options.webcam import WebcamOptions
from runtime.support.cli import parse_options, run_command
from runtime.vision.picture import Picture
from runtime.webcam import main, run
from tests.conftest import REPO, read_back
from tests.support.clips import beeps, flash_and_beep
from tests.support.streams import Server, jpegs
from tests.support.web import MULTIPART, Web, jpeg, part


def webcam(*argv: object) -> int:
    return run_command(main, ["--headless", *map(str, argv)])


def start(*argv: object, **env: str) -> subprocess.Popen[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.Popen(
        [sys.executable, "-m", "runtime.webcam", *map(str, argv)],
        cwd=REPO,
        env={**clean, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_video_and_json_of_a_file(tmp_path, clip, tiny_engine, capsys):
    video, lines = tmp_path / "o.mp4", tmp_path / "o.jsonl"
    code = webcam(
        "--engine", tiny_engine, "--source", clip, "--output_video", video, "--output_json", lines
    )
    assert code == 0
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [r["frame"] for r in rows] == list(range(40))
    assert {f["track"] for r in rows for f in r["faces"]} == {1}
    assert len(read_back(video)) == 40
    err = capsys.readouterr().err
    assert "40 frames" in err
    assert "capture to result" in err


def test_sound_is_kept_unless_people_are_hidden(tmp_path, tiny_engine):
    clip, video = flash_and_beep(tmp_path / "in.mp4", 1.2), tmp_path / "o.mp4"
    for flags, heard in (
        ([], [1]),
        (["--no-sound"], None),
        (["--anonymize"], None),
        (["--anonymize", "--sound"], [1]),
    ):
        argv = ("--engine", tiny_engine, "--source", clip, "--output_video", video)
        assert webcam(*argv, *flags) == 0
        with av.open(str(video)) as container:
            assert bool(container.streams.audio) is (heard is not None)
        if heard is not None:
            assert beeps(video) == pytest.approx(heard, abs=0.03)


def test_segments_of_an_input_s_name_leave_it_alone(tmp_path, clip, tiny_engine, caplog):
    caplog.set_level("INFO")
    source = tmp_path / "o-000001.mp4"
    source.write_bytes(clip.read_bytes())
    argv = ("--engine", tiny_engine, "--source", source, "--output_video", tmp_path / "o.mp4")
    assert webcam(*argv, "--segment_s", 1, "--output_csv", tmp_path / "o.csv") == 0
    assert source.read_bytes() == clip.read_bytes()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["o-000001.mp4", *(f"o-00000{n}.{e}" for n in (2, 3) for e in ("csv", "mp4"))]
    assert "wrote 2 files to" in caplog.text


def test_every_output_at_once(tmp_path, clip, tiny_engine, capsys, caplog):
    """A receiver that is there, one that isn't, and files; the summary is what `run` returns."""
    caplog.set_level("INFO")
    got: list[dict] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        metrics = run(
            WebcamOptions(
                engine=str(tiny_engine),
                source=[str(clip)],
                headless=True,
                output_csv=str(tmp_path / "o.csv"),
                output_summary=str(tmp_path / "s.json"),
                webhook=f"http://u:secret@127.0.0.1:{server.server_address[1]}/secret",
                metrics_port=0,
            )
        )
        server.shutdown()
        thread.join()
    assert json.loads((tmp_path / "s.json").read_text()) == metrics
    assert metrics["frames"] == 40
    assert sum(metrics["emotions"].values()) == metrics["faces"] == 40
    counts = metrics["sinks"]["webhook"]
    assert counts["sent"] + counts["lost"] == 40
    assert [row["frame"] for row in got[: counts["sent"]]] == list(range(counts["sent"]))
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(40))
    assert {row["track"] for row in rows} == {"1"}
    assert sum(float(rows[0][label]) for label in EMOTIONS) == pytest.approx(1, abs=1e-3)
    assert "/metrics and /healthz" in caplog.text
    assert "secret" not in caplog.text + capsys.readouterr().err


def test_a_dead_receiver_costs_two_seconds_at_the_end_and_no_frame(clip, tiny_engine):
    pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt (the extra mqtt)")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, says nothing
        port = silent.getsockname()[1]
        process = start(
            "--engine", tiny_engine, "--source", clip, "--headless",
            "--mqtt", f"mqtt://u:secret@127.0.0.1:{port}/faces",
            "--webhook", f"http://u:secret@127.0.0.1:{port}/",
        )  # fmt: skip
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "40 frames in" in err
    assert f"mqtt://127.0.0.1:{port}/faces: gave up; 40 messages lost" in err
    assert f"webhook http://127.0.0.1:{port}: gave up; 40 messages lost" in err
    assert "secret" not in err
    assert "Traceback" not in err


def test_metrics_and_health_while_it_runs(tiny_engine):
    process = start("--engine", tiny_engine, "--source", *["demo"] * 3, "--metrics_port", 0)
    assert process.stderr is not None
    line = process.stderr.readline()
    while line and "/metrics" not in line:
        line = process.stderr.readline()
    port = int(line.split("127.0.0.1:")[1].split("/")[0])

    def get(path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        with answer:
            return answer.status, answer.read().decode()

    status, text = 0, ""
    deadline = time.monotonic() + 60
    while 'stage="detect"' not in text and time.monotonic() < deadline:
        status, health = get("/healthz")
        _, text = get("/metrics")
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert status == 200, health
    assert 'emotion_stage_seconds_bucket{le="+Inf",stage="detect"}' in text


def test_a_metrics_port_in_use_is_one_line(tiny_engine, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = webcam("--engine", tiny_engine, "--source", "demo", "--metrics_port", port)
    assert code == 2
    assert f"error: --metrics_port {port}: can't listen" in capsys.readouterr().err


def test_no_face_is_in_an_anonymized_video(tmp_path, clip, tiny_engine):
    videos = {}
    for flag in ("--no-anonymize", "--anonymize"):
        video = tmp_path / f"{flag}.mp4"
        argv = ("--engine", tiny_engine, "--source", clip, "--max_frames", 5)
        assert webcam(*argv, "--output_video", video, flag) == 0
        videos[flag] = read_back(video)
    detector = open_detector("centerface", size=320)
    assert all(detector.detect(Picture(frame)) for frame in videos["--no-anonymize"])
    assert len(videos["--anonymize"]) == 5
    assert not any(detector.detect(Picture(frame)) for frame in videos["--anonymize"])


def test_an_anonymized_video_has_no_sound_and_its_json_is_as_ever(tmp_path, tiny_engine, portrait):
    import av

    source = tmp_path / "talks.mp4"
    with av.open(str(source), "w") as container:
        picture, sound = container.add_stream("h264", 25), container.add_stream("aac", 48_000)
        picture.width, picture.height, picture.pix_fmt = 512, 512, "yuv420p"
        for i in range(40):
            frame = av.VideoFrame.from_ndarray(np.roll(portrait, i, axis=1), "bgr24")
            container.mux(picture.encode(frame))
            noise = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.float32), "fltp", "mono")
            noise.sample_rate, noise.pts = 48_000, 1920 * i
            container.mux(sound.encode(noise))
        for stream in (picture, sound):
            container.mux(stream.encode(None))
    assert b"soun" in source.read_bytes()
    lines = {}
    for flag in ("--no-anonymize", "--anonymize"):
        video, out = tmp_path / f"{flag}.mp4", tmp_path / f"{flag}.jsonl"
        argv = ("--engine", tiny_engine, "--source", source, "--detect_interval", 0, flag)
        assert webcam(*argv, "--output_video", video, "--output_json", out) == 0
        assert (b"soun" in video.read_bytes()) is (flag == "--no-anonymize")
        lines[flag] = [
            {**json.loads(line), "latency_ms": 0, "at": ""} for line in out.read_text().splitlines()
        ]
    assert len(lines["--anonymize"]) == 40
    assert lines["--anonymize"] == lines["--no-anonymize"]


def test_ctrl_c_writes_what_the_look_ahead_holds_back(tmp_path, tiny_engine):
    out = tmp_path / "o.jsonl"
    process = start(
        "--engine", tiny_engine, "--source", "demo", "--headless", "--anonymize",
        "--output_json", out,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (out.exists() and out.read_bytes()):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    before = len(out.read_bytes().splitlines())
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    frames = [json.loads(line)["frame"] for line in out.read_text().splitlines()]
    assert frames == list(range(len(frames)))
    assert len(frames) >= min(before + 25, 300)


def test_an_anonymized_pipeline_has_no_other_output(tiny_engine, monkeypatch, capsys):
    monkeypatch.setattr("runtime.webcam._run", lambda *_: pytest.fail("began"))
    spec = "gst:videotestsrc ! tee name=t ! queue ! appsink t. ! udpsink host=192.0.2.1"
    assert webcam("--engine", tiny_engine, "--source", "demo", spec, "--anonymize") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: --source {spec}: with --anonymize")


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--source", "/nope.mp4"], "no such file"),
        (["--source", "{text}"], "not a video"),
        (["--source", "96"], "camera 96"),
        (["--camera_id", "95"], "camera 95"),
        (["--source", "rtsp://a:b@127.0.0.1:9/x"], "can't be reached"),
        (["--source", "demo", "--engine", "{text}"], "must be an .onnx"),
        (["--source", "demo", "--detector", "yunet"], "--detector_model"),
        (["--source", "demo", "--output_json", "{text}/x"], "can't make its folder"),
        (["--source", "demo", "--output_video", "x.avi"], "must end in"),
        (["--source", "demo", "--max_frames", "-1"], "--max_frames"),
        (["--source", "demo", "--threads", "0"], "--threads"),
        (["--source", "demo", "--smoothing_s", "-1"], "--smoothing_s"),
        (["--source", "demo", "--reconnect_s", "-1"], "--reconnect_s must be 0 or more"),
        (["--source", "demo", "--reconnect_s", "nan"], "--reconnect_s must be 0 or more"),
        (["--source", "gst:videotestsrc ! fakesink"], "appsink"),
        (["--source", "/nope.mp4", "rtsp://a:b@127.0.0.1:9/x"], "no such file"),
        (["--source", "{text}", "--output_json", "{text}"], "overwrite"),
        (["--source", "demo", "--config", "{text}"], "option: value"),
        (["--frobnicate"], "unrecognized"),
        (["--source", "demo", "--output_csv", "{text}/x"], "can't make its folder"),
        (["--source", "demo", "--output_summary", "{text}/x"], "can't make its folder"),
        (["--source", "demo", "--output_csv", "-", "--output_json", "-"], "standard output"),
        (["--source", "demo", "--segment_s", "9"], "needs --output_video"),
        (["--source", "demo", "--segment_s", "9", "--output_json", "-"], "standard output is none"),
        (["--source", "demo", "--max_disk_mb", "0", "--output_json", "x"], "--max_disk_mb must be"),
        (["--source", "demo", "--mqtt", "mqtt://a:b@h"], "--mqtt must be"),
        (["--source", "demo", "--webhook", "ftp://a:b@h"], "--webhook must be"),
        (["--source", "demo", "--webhook_batch", "0"], "--webhook_batch"),
        (["--source", "demo", "--metrics_port", "70000"], "--metrics_port"),
        (["--source", "demo", "--metrics_port", "0", "--metrics_host", "192.0.2.1"], "listen"),
    ],
)
def test_bad_input_is_one_line_and_code_2(tmp_path, tiny_engine, capsys, argv, word):
    text = tmp_path / "text.mp4"
    text.write_text("just text")
    filled = [a.format(text=text) for a in argv]
    if "--engine" not in filled:
        filled += ["--engine", str(tiny_engine)]
    assert webcam(*filled) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert word in last
    assert "a:b" not in last


@pytest.mark.parametrize("word", ["auto", "none", "default"])
def test_words_of_options_are_no_files(tmp_path, tiny_engine, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    argv = ("--source", "demo", "--max_frames", "2", "--output_json", word)
    assert webcam(*argv, "--engine", "default", "--temporal_head", word) == 0
    assert len((tmp_path / word).read_text().splitlines()) == 2


@pytest.mark.parametrize("shipped", ["emotion.int8_cpu.onnx", "temporal.onnx"])
def test_shipped_models_are_not_written_over(monkeypatch, capsys, shipped):
    # Should the check be gone, this is where it ends before it writes.
    monkeypatch.setattr("runtime.webcam._run", lambda *_: pytest.fail("began"))
    path = SHIPPED_HEAD.parent / shipped
    assert webcam("--source", "demo", "--output_json", path) == 2
    assert "would overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "mark", ["/", "?", "#", "@", ":", "%", " ", "&", "\u00e4\u65e5", '"', "\\"]
)
def test_no_secret_of_an_address_comes_out(tmp_path, tiny_engine, capsys, caplog, mark):
    secret = f"Zq7{mark}Zq8"
    quoted = urllib.parse.quote(secret, safe="")

    def pictures(handler):
        handler.head(MULTIPART)
        while True:
            handler.send(part(jpeg()))
            time.sleep(0.02)

    with Web(cam=pictures) as server:
        sources = [
            server.url(f"cam?user=me&pwd={quoted}&token={secret}", f"me:{quoted}@"),
            f"http://me:{secret}@127.0.0.1:1/x",
            f"rtsp://me:{quoted}@127.0.0.1:1/x",
            f"rtmp://127.0.0.1:1/live/{quoted}",
            f"rtsp://127.0.0.1:1/user=me&password={quoted}&channel=1.sdp",
        ]
        files = [tmp_path / name for name in ("lines", "rows", "summary")]
        outputs = zip(("--output_json", "--output_csv", "--output_summary"), files, strict=True)
        argv = ["--engine", tiny_engine, "--max_frames", 5, "--reconnect_s", 0, "--verbose"]
        argv += [word for pair in outputs for word in pair]
        with caplog.at_level(logging.DEBUG):
            assert webcam(*argv, "--source", *sources) == 0
    text = "".join(map(str, capsys.readouterr())) + "".join(f.read_text() for f in files)
    text += caplog.text
    assert "127.0.0.1" in text
    for form in (text, urllib.parse.unquote(text)):
        assert "Zq7" not in form
        assert "Zq8" not in form


def test_one_dead_source_of_two_leaves_the_other_going(clip, tiny_engine, capsys, caplog):
    assert webcam("--engine", tiny_engine, "--source", "rtsp://a:b@127.0.0.1:9/x", clip) == 0
    err = capsys.readouterr().err
    assert "source 0 (rtsp://127.0.0.1:9): 0 frames, 0 dropped, 0 reconnects, failed" in err
    assert f"source 1 ({clip}): 40 frames, 0 dropped, 0 reconnects, ended" in err
    assert "can't be reached" in caplog.text
    assert "a:b" not in err + caplog.text


def test_a_lost_stream_that_is_not_waited_for_is_code_2(tiny_engine, capsys):
    with Server(jpegs(64, 48), most=12) as server:
        code = webcam("--engine", tiny_engine, "--source", server.url, "--reconnect_s", 0)
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 2
    assert last.startswith("error: capture, frame ")
    assert "gives no more frames" in last
    assert "secret" not in last


@pytest.mark.parametrize("silent", [False, True])
def test_ctrl_c_ends_it_at_once_while_a_stream_is_lost(tmp_path, tiny_engine, silent):
    lines = tmp_path / "o.jsonl"
    with Server(jpegs(64, 48)) as server, socket.socket() as hole:
        process = start(
            "--engine", tiny_engine, "--source", server.url, "--headless",
            "--output_json", lines,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not lines.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        server.kill()
        if silent:  # takes the line and says nothing
            hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            hole.bind(("127.0.0.1", server.server_port))
            hole.listen()
        err = ""
        while "lost, trying again" not in err:
            line = process.stderr.readline()
            assert line, err
            err += line
        time.sleep(1.5)  # by now it is in a pause, or being opened
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=60)[1]
    # Two seconds here; a machine under load may take its time to end a process.
    assert time.monotonic() - asked < 15
    assert process.returncode == 0, err + rest
    assert "stopped by SIGINT" in rest
    assert "Traceback" not in rest
    assert "secret" not in err + rest
    assert all(json.loads(line) for line in lines.read_text().splitlines())


def test_a_failed_run_keeps_older_output(tmp_path, tiny_engine):
    old = tmp_path / "o.jsonl"
    old.write_text("precious\n")
    assert webcam("--engine", tiny_engine, "--source", "/nope", "--output_json", old) == 2
    assert old.read_text() == "precious\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a Linux with /dev/full")
def test_a_full_disk_ends_cleanly_with_the_video_kept(tmp_path, clip, tiny_engine, capsys):
    video = tmp_path / "o.mp4"
    code = webcam(
        "--engine", tiny_engine, "--source", clip, "--output_video", video,
        "--output_json", "/dev/full",
    )  # fmt: skip
    assert code == 2
    assert "No space left" in capsys.readouterr().err


def test_without_a_display_it_goes_headless_and_says_so(clip, tiny_engine):
    process = start("--engine", tiny_engine, "--source", clip, "--max_frames", 3)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "headless: no display" in err


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_files(tmp_path, tiny_engine, signum):
    video, lines = tmp_path / "o.mp4", tmp_path / "o.jsonl"
    process = start(
        "--engine", tiny_engine, "--source", "demo", "--headless",
        "--output_json", lines, "--output_video", video,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (
        not lines.exists() or lines.read_text().count("\n") < 20
    ):
        time.sleep(0.05)
    process.send_signal(signum)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert f"stopped by {signum.name}" in err
    assert "Traceback" not in err
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert len(rows) >= 20
    assert len(read_back(video)) == len(rows)


def test_json_on_standard_output_is_only_json(clip, tiny_engine):
    process = start(
        "--engine", tiny_engine, "--source", clip, "--max_frames", 5, "--output_json", "-"
    )
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [json.loads(line)["frame"] for line in out.splitlines()] == list(range(5))


@pytest.fixture
def display():
    """A virtual screen."""
    if not shutil.which("Xvfb") or not shutil.which("xdotool"):
        pytest.skip("needs Xvfb and xdotool (apt-get install xvfb xdotool)")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-noreset", "-displayfd", str(write), "-screen", "0", "1024x768x24"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        yield f":{pipe.readline().strip()}"
    server.terminate()
    server.wait()


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_a_window_closes_by_key(tiny_engine, display, key):
    def xdotool(*argv: str) -> str:
        env = {"DISPLAY": display}
        return subprocess.run(["xdotool", *argv], env=env, capture_output=True, text=True).stdout

    process = start("--engine", tiny_engine, "--source", "demo", DISPLAY=display)
    deadline = time.monotonic() + 60
    found = ""
    while not found and time.monotonic() < deadline and process.poll() is None:
        found = xdotool("search", "--class", "emotion").strip()
    if not found:
        process.kill()
        pytest.fail(f"no window appeared: {process.communicate()[1]}")
    # Without a window manager, keys go to the window under the pointer.
    xdotool("mousemove", "512", "384")
    while process.poll() is None and time.monotonic() < deadline:
        xdotool("key", key)  # again, in case the window wasn't ready for the first
        time.sleep(0.2)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    frames = int(err.split(" frames in ")[0].rsplit(maxsplit=1)[-1])
    assert 1 <= frames < 300


def test_the_shipped_config_is_sound():
    options = parse_options(WebcamOptions, "x", ["--config", str(REPO / "configs" / "webcam.yaml")])
    assert options == WebcamOptions(source=["0"])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a Linux with /dev/full")
def test_a_run_that_fails_leaves_its_summary(tmp_path, capsys):
    summary = tmp_path / "s.json"
    flags = ["--source", "demo", "--headless", "--output_json", "/dev/full"]
    code = run_command(main, [*flags, "--output_summary", str(summary)])
    assert code == 2
    assert "No space left" in capsys.readouterr().err
    assert json.loads(summary.read_text())["frames"] > 0
