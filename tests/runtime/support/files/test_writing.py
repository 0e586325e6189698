"""Nothing is destroyed, and nobody else reads what was written."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from runtime.errors import UserError
from runtime.predict import main as predict_main
from runtime.support.cli import run_command
from runtime.support.files.writing import (
    check_writable,
    create,
    create_new,
    read_mode,
    replacing,
    write_whole,
    writing,
)
from runtime.webcam import main as webcam_main
from tests.conftest import PORTRAIT, REPO


def webcam(*argv: object) -> int:
    return run_command(webcam_main, ["--headless", *map(str, argv)])


def predict(*argv: object) -> int:
    return run_command(predict_main, [*map(str, argv)])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def victim(tmp_path):
    """A file of somebody else's, which no writer may touch."""
    path = tmp_path / "elsewhere" / "precious"
    path.parent.mkdir()
    path.write_text("precious")
    yield path
    assert path.read_text() == "precious"


# What is an input.


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "dangling"])
@pytest.mark.parametrize(
    "flag", ["--output_video", "--output_json", "--output_csv", "--output_summary"]
)
def test_a_link_is_replaced_and_never_written_through(
    tmp_path, clip, tiny_engine, victim, kind, flag
):
    output = tmp_path / "o.mp4"
    missing = tmp_path / "elsewhere" / "new"
    if kind == "hardlink":
        output.hardlink_to(victim)
    else:
        output.symlink_to(victim if kind == "symlink" else missing)
    argv = ("--source", clip, "--engine", tiny_engine, "--max_frames", 3)
    assert webcam(*argv, flag, output) == 0
    assert not output.is_symlink()
    assert output.stat().st_nlink == 1
    assert output.stat().st_size
    assert mode(output) == 0o600
    assert not missing.exists()
    assert not list(tmp_path.glob(".*"))


def test_a_picture_never_goes_through_a_link(tmp_path, tiny_engine, victim):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "astronaut.png").symlink_to(victim)
    assert predict(PORTRAIT, "--engine", tiny_engine, "--visualize", folder) == 0
    assert [p.name for p in folder.iterdir()] == ["astronaut.png"]
    assert mode(folder / "astronaut.png") == 0o600
    assert cv2.imread(str(folder / "astronaut.png")) is not None


def test_names_that_could_be_foreseen_are_not_used(tmp_path, victim, monkeypatch):
    """What an attacker may plant: the old temporary names, as links."""
    path = tmp_path / "s.json"
    for name in ("s.json.partial", "s.partial", ".s.json.partial"):
        (tmp_path / name).symlink_to(victim)
    write_whole(path, "new", "--x")
    with replacing(path) as partial:
        assert partial.name not in ("s.json.partial", "s.partial", ".s.json.partial")
        partial.write_text("newer")
    assert path.read_text() == "newer"
    # And a name that is there is an error, not a file to write to.
    monkeypatch.setattr("secrets.token_hex", lambda _: "00")
    (tmp_path / ".00.partial").symlink_to(victim)
    with pytest.raises(FileExistsError):
        create(path)
    with pytest.raises(UserError):
        write_whole(path, "x", "--x")
    assert path.read_text() == "newer"


def test_what_fails_in_the_middle_leaves_the_older_file_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as partial:
        partial.write_text("half")
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert path.read_text() == "old"


def test_a_check_makes_nothing_and_the_writing_makes_the_folders(tmp_path):
    path = tmp_path / "a" / "b" / "c.json"
    check_writable(path, "--x")
    assert not list(tmp_path.iterdir())
    write_whole(path, "done", "--x")
    assert path.read_text() == "done"
    with writing(tmp_path / "d" / "e.csv", "--x") as partial:
        partial.write_text("row")
    assert (tmp_path / "d" / "e.csv").read_text() == "row"
    os.close(create(tmp_path / "f" / "g.jsonl"))


def test_a_folder_that_can_t_be_made_is_found_early(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--x .*can't make its folder"):
        check_writable(tmp_path / "file" / "sub" / "c.json", "--x")
    with pytest.raises(UserError, match="is a folder"):
        check_writable(tmp_path, "--x")
    with pytest.raises(UserError, match="--x .*Not a directory"):
        write_whole(tmp_path / "file" / "sub" / "c.json", "", "--x")


@pytest.mark.parametrize("flag", ["", "--x"])
def test_a_failure_in_the_middle_of_writing_is_one_line(tmp_path, flag):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(UserError) as raised, writing(path, flag):
        raise OSError(28, "No space left on device")
    assert str(raised.value) == f"{flag} {path}: No space left on device".lstrip()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_pipe_is_replaced(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    os.chown(path, 12345, 12345)
    os.close(create(path))
    assert stat.S_ISREG(path.stat().st_mode)


def test_what_somebody_elses_link_leads_to_is_not_written(tmp_path, monkeypatch):
    pipe, link = tmp_path / "pipe", tmp_path / "out.json"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    found = os.lstat(link)
    others = os.stat_result((*found[:4], 12345, *found[5:]))
    lstat = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: others if path == link else lstat(path))
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.close(create(link))
    os.close(reader)
    assert stat.S_ISREG(lstat(link).st_mode)
    assert stat.S_ISFIFO(lstat(pipe).st_mode)


def test_the_name_of_an_open_file_is_not_replaced(tmp_path):
    out = tmp_path / "out.txt"
    with out.open("w") as file:
        name = Path(f"/proc/self/fd/{file.fileno()}")
        fd = create(name)  # as /dev/stdout leads there, which root could replace
        os.write(fd, b"line")
        os.close(fd)
        write_whole(name, "whole", "--output_summary")
    assert out.read_text() == "whole"


def test_an_annotated_picture_does_not_replace_the_json(tmp_path, tiny_engine):
    made = tmp_path / "made"
    json_file = made / f"{PORTRAIT.stem}.png"
    assert predict(PORTRAIT, "--engine", tiny_engine, "--face_crops", "--visualize", made,
                   "--output_json", json_file) == 0  # fmt: skip
    assert json_file.read_text().startswith("{")
    assert len(list(made.iterdir())) == 2


def test_who_may_read_it_is_asked_for(tmp_path, clip, tiny_engine):
    files = [tmp_path / name for name in ("o.jsonl", "o.csv", "o.mp4", "o.json")]
    flags = ("--output_json", "--output_csv", "--output_video", "--output_summary")
    outputs = [word for pair in zip(flags, files, strict=True) for word in pair]
    argv = ("--source", clip, "--engine", tiny_engine, "--max_frames", 3)
    before = os.umask(0o022)
    try:
        assert webcam(*argv, *outputs, "--output_mode", "640") == 0
    finally:
        os.umask(before)
    assert {mode(file) for file in files} == {0o640}


@pytest.mark.parametrize("text", ["", "6", "888", "0o640", "400", "-600", "6400", "416"])
def test_permissions_that_are_none(text):
    with pytest.raises(UserError, match="--output_mode must be"):
        read_mode(text)


# What is printed.


def run(*argv: object, **env: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", *argv],
        cwd=REPO,
        env={**os.environ, **env},
        capture_output=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "name", [b"caf\xe9.png", "caf\u00e9 \u65e5\u672c.png".encode(), b"a\x1b[2J\n.png"]
)
def test_any_name_can_be_printed_anywhere(tmp_path, tiny_engine, name):
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(PORTRAIT.read_bytes())
    broken = os.path.join(os.fsencode(tmp_path), b"\xff\x1b]0;x\x07\nforged.png")
    with open(broken, "wb") as file:
        file.write(b"no")
    plain = {"PYTHONIOENCODING": "", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for module in ("runtime.predict", "runtime.webcam"):
        where = (
            [path, broken]
            if module == "runtime.predict"
            else ["--headless", "--source", path, broken]
        )
        lines = tmp_path / "o.jsonl"
        done = run(module, *where, "--engine", tiny_engine, "--output_json", lines, **plain)
        assert b"Traceback" not in done.stderr, done.stderr
        assert done.returncode == (2 if module == "runtime.predict" else 0), done.stderr
        assert lines.read_text().count("\n") == 1
        out = done.stdout + done.stderr
        out.decode("ascii")
        assert b"\x1b" not in out
        assert b"\x07" not in out
        assert not any(line.startswith(b"forged") for line in out.splitlines())


def test_a_full_terminal_is_one_line(tiny_engine, clip):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs a Linux with /dev/full")
    argv = ["-m", "runtime.webcam", "--headless", "--source", clip, "--engine", tiny_engine]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, *argv, "--output_json", "-"],
            cwd=REPO,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=120,
        )
    assert done.returncode == 2, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ["--sorce", "rtsp://admin:S3c@ret/key@host/live"],
        ["--sorce=rtsp://admin:S3cret@host/live"],
        ["--max_frames", "rtsp://admin:S3cret@host/live"],
        ["--detector", "rtsp://admin:S3cret@host/live"],
        ["--source", "rtsp://admin:S3c@ret/key@127.0.0.1:9/live", "--reconnect_s", "0"],
        ["--source", "http://127.0.0.1:9/x?token=S3cret"],
        ["--source", "http://admin:S3c ret@127.0.0.1:9/x"],
        ["--source", "http://admin:S3cret@[::1/x"],
        ["--source", "rtmp://127.0.0.1:9/live/S3cretstreamkey"],
        ["--source", "S3://S3cret:S3cret@bucket"],
        ["--source", "gst:rtspsrc location=rtsp://a:S3cret@h/x user-pw=S3cret ! fakesink"],
        ["--source", "demo", "--mqtt", "mqtt://u:S3cret@host"],
        ["--source", "demo", "--mqtt", "mqtt://u:S3c/ret@host/topic"],
        ["--source", "demo", "--webhook", "ftp://u:S3cret@host/S3cret"],
        ["--source", "demo", "--webhok", "https://host/S3cret"],
        ["--token=S3cret"],
        ["--config", "{yaml}"],
        ["--config", "{wrong}"],
        ["--config", "{alias}"],
        ["--source", "rtsp:/admin:S3cret@host/live"],
        ["--source", "admin:S3cret@host/live"],
    ],
)
def test_no_message_shows_a_secret(tmp_path, tiny_engine, argv):
    yaml, wrong, alias = (tmp_path / f"{name}.yaml" for name in ("broken", "wrong", "alias"))
    alias.write_text("mqtt: *S3cret\n")
    yaml.write_text("source: rtsp://admin:S3cret@host/live\n  bad: 'S3cret\n")
    wrong.write_text("max_frames: rtsp://admin:S3cret@host\nmqtt: [mqtt://u:S3cret@h/t]\n")
    filled = [a.format(yaml=yaml, wrong=wrong, alias=alias) for a in argv]
    done = run("runtime.webcam", "--headless", *filled, "--engine", tiny_engine, "--verbose")
    out = (done.stdout + done.stderr).decode()
    assert done.returncode == 2, out
    assert "S3c" not in out
    assert "ret/key" not in out
    assert "Traceback" not in out
    assert out.strip().splitlines()[-1].startswith("error: ")


def test_a_nul_in_yaml_is_one_line(tmp_path, tiny_engine, capsys):
    config = tmp_path / "c.yaml"
    config.write_text('source: "a\\0b.mp4"\n')
    assert webcam("--config", config, "--engine", tiny_engine) == 2
    assert "NUL" in capsys.readouterr().err


def test_results_show_no_secret_either(tmp_path, tiny_engine):
    """A source's name in the log, the summary, the report and the metrics."""
    from tests.support.streams import Server, jpegs

    summary, lines = tmp_path / "s.json", tmp_path / "o.jsonl"
    with Server(jpegs(64, 48)) as server:
        done = run(
            *("runtime.webcam", "--headless", "--verbose", "--source", server.url, "demo"),
            *("--engine", tiny_engine, "--max_frames", "30"),
            *("--output_summary", summary, "--output_json", lines),
        )
    text = (done.stdout + done.stderr).decode() + summary.read_text() + lines.read_text()
    assert done.returncode == 0, text
    assert "secret" not in text
    assert f"http://127.0.0.1:{server.server_port}" in summary.read_text()


def test_a_whole_file_takes_the_place_of_an_older_one(tmp_path):
    path, link = tmp_path / "s.json", tmp_path / "link"
    path.write_text("old")
    link.symlink_to(path)
    write_whole(path, "new", "--output_summary")
    assert path.read_text() == "new"
    write_whole(link, "newer", "--output_summary")
    assert not link.is_symlink()
    assert (path.read_text(), link.read_text()) == ("new", "newer")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "s.json"]


def test_a_whole_file_that_fails_leaves_the_older_one(tmp_path, monkeypatch):
    path = tmp_path / "s.json"
    path.write_text("old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        write_whole(path, "new", "--output_summary")
    assert [p.name for p in tmp_path.iterdir()] == ["s.json"]
    assert path.read_text() == "old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a Linux with /dev/full")
def test_a_device_is_written_to_not_replaced():
    with pytest.raises(UserError, match="No space left"):
        write_whole(Path("/dev/full"), "new", "--output_summary")
    assert not os.path.isfile("/dev/full")


def test_a_new_file_takes_no_name_that_is_taken(tmp_path):
    fresh, link, old = tmp_path / "a" / "new", tmp_path / "link", tmp_path / "old"
    os.close(create_new(fresh, 0o640))
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o640
    old.write_text("old")
    link.symlink_to(tmp_path / "nowhere")
    for taken in (fresh, link, old):
        with pytest.raises(FileExistsError):
            create_new(taken)
    assert old.read_text() == "old"
    assert not (tmp_path / "nowhere").exists()
