import dataclasses
import math
from dataclasses import dataclass

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.options.webcam import WebcamOptions
from runtime.support.cli import option, parse_options, run_command
from runtime.support.redaction import printable, redact


@dataclass
class Options:
    """Do a thing."""

    name: str = option("a name")
    size: int = option("a size", 3)
    rate: float = option("a rate", 0.5)
    loud: bool = option("noise", False)
    kind: str = option("a kind", "a", choices=("a", "b"))
    source: list[str] | None = option("sources", None)


def parse(*argv: str) -> Options:
    return parse_options(Options, "prog", argv)


def test_defaults_flags_and_lists():
    got = parse("--name", "x", "--loud", "--source", "0", "clip.mp4", "--source", "demo")
    assert got == Options("x", 3, 0.5, True, "a", ["0", "clip.mp4", "demo"])


def test_flags_over_yaml_over_defaults(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("name: y\nrate: 1e-3\nsize: 9\nloud: true\nsource: demo\n")
    got = parse("--config", str(file), "--size", "7", "--no-loud")
    assert got == Options("y", 7, 1e-3, False, "a", ["demo"])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("nam: x", "unknown option 'nam'"),
        ("size: big", "must be of type int"),
        ("size: true", "must be of type int"),
        ("kind: c", "must be one of a, b"),
        ("- 1", "option: value"),
        ("{", "not YAML"),
        ("name: !!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_bad_yaml_is_one_clear_error(tmp_path, text, word):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=word):
        parse("--config", str(file), "--name", "x")


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        ([], "--name is required"),
        (["--name", "x", "--nope"], "unrecognized arguments: --nope"),
        (["--name", "x", "--size", "big"], "invalid int"),
        (["--name", "x", "--kind", "c"], "invalid choice"),
        (["--name", "x", "--config", "/nope.yaml"], "No such file"),
    ],
)
def test_bad_flags_are_one_clear_error(argv, word):
    with pytest.raises(UserError, match=word):
        parse(*argv)


def test_a_mistyped_flag_shows_no_password():
    with pytest.raises(UserError, match="unrecognized") as caught:
        parse_options(Options, "x", ["a", "--mqt", "mqtt://u:sec/r@et@host/topic"])
    assert "host" not in str(caught.value)
    assert "sec" not in str(caught.value)


def test_help_names_defaults(capsys):
    with pytest.raises(SystemExit) as end:
        parse("--help")
    assert end.value.code == 0
    assert "a size (default: 3)" in capsys.readouterr().out


def test_user_errors_are_one_line_and_code_2(capsys):
    def main(argv: object) -> int:
        raise UserError("two\nlines")

    assert run_command(main, None) == 2
    assert capsys.readouterr().err == "error: two lines\n"


def test_a_missing_extra_is_one_line(capsys):
    def main(argv: object) -> int:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    assert run_command(main, None) == 2
    assert "pip install -e '.[train]'" in capsys.readouterr().err


def test_a_missing_module_of_our_own_is_a_defect():
    def main(argv: object) -> int:
        raise ModuleNotFoundError("No module named 'runtime.nope'", name="runtime.nope")

    with pytest.raises(ModuleNotFoundError):
        run_command(main, None)


def test_defects_keep_their_traceback():
    def main(argv: object) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_command(main, None)


@dataclass
class Ranged:
    """Numbers with ranges."""

    rate: float | None = option("a rate", None, between=(0, 1))
    faces: list[int] = option("faces", [1], between=(1, math.inf))


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--rate", "1.5"], "--rate must be 0 to 1, not 1.5"),
        (["--rate", "nan"], "--rate must be 0 to 1, not nan"),
        (["--faces", "3", "0"], "--faces must be 1 or more, not 0"),
    ],
)
def test_numbers_outside_their_range_are_refused(argv, word):
    with pytest.raises(UserError, match=word):
        parse_options(Ranged, "prog", argv)


def test_ranges_hold_for_yaml_and_include_their_ends(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text("rate: 2\n")
    with pytest.raises(UserError, match="--rate must be"):
        parse_options(Ranged, "prog", ["--config", str(file)])
    assert parse_options(Ranged, "prog", ["--rate", "1", "--config", str(file)]).rate == 1.0
    assert parse_options(Ranged, "prog", []) == Ranged()


# Whatever is written, it is options or one line.

_WORDS = st.one_of(
    st.sampled_from(
        [
            *(f"--{f.name}" for f in dataclasses.fields(WebcamOptions) if f.init),
            *("--config", "--", "-", "--no-headless", "--no-tls_ca", "=", "", "demo", "0", "-1"),
            *("nan", "inf", "1e999", "rtsp://admin:S3cret@host/live", "--x=S3cret"),
        ]
    ),
    st.text(st.characters(blacklist_characters="\0"), max_size=12),
)


@given(st.lists(_WORDS, max_size=8))
@settings(max_examples=400)
def test_any_command_line_is_options_or_one_line(argv):
    if "--help" in argv or "-h" in argv:
        return
    message = ""
    try:
        parse_options(WebcamOptions, "x", argv)
    except UserError as error:
        message = redact(str(error))
    assert "S3c" not in message
    assert "\n".join(map(printable, message.split("\n"))) == message


_YAML = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
_NAMES = st.sampled_from([f.name for f in dataclasses.fields(WebcamOptions) if f.init])


@given(st.dictionaries(_NAMES | st.text(max_size=5), _YAML, max_size=4))
@settings(max_examples=300)
def test_any_yaml_is_options_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        parse_options(WebcamOptions, "x", ["--config", str(path)])
    except UserError:
        pass


@given(st.binary(max_size=60) | st.text("{}[]&*!|>'\"%@`:- \n\tab\0", max_size=40).map(str.encode))
@settings(max_examples=400)
def test_any_bytes_as_yaml_are_options_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    try:
        parse_options(WebcamOptions, "x", ["--config", str(path)])
    except UserError:
        pass


@pytest.mark.parametrize("text", ["[" * 5000, "a: &a [*a]\nsource: *a", "? {a: b}\n: c", "1: 2"])
def test_yaml_that_breaks_parsers_is_one_line(tmp_path, text):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match="--config"):
        parse_options(WebcamOptions, "x", ["--config", str(path)])
