"""Parts of multipart bodies, in every way in which cameras write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.sources.decoders.web import multipart
from runtime.sources.decoders.web.multipart import Multipart
from tests.support.web import jpeg

PICTURES = [jpeg(16 * number, 16) for number in range(1, 5)]


def reader(body: bytes, chunk: int = 1 << 16):
    """What reads a body in parts of a size."""
    rest = memoryview(body)

    def read(size: int) -> bytes:
        nonlocal rest
        data, rest = bytes(rest[: min(size, chunk)]), rest[min(size, chunk) :]
        return data

    return read


def parts(body: bytes, boundary: str = "frame", chunk: int = 1 << 16) -> list[bytes]:
    found = Multipart(reader(body, chunk), boundary)
    got = []
    while (part := found.part()) is not None:
        got.append(part)
    return got


def body(head=b"Content-Type: image/jpeg\r\n", line=b"\r\n", delimiter=b"--frame", after=b""):
    return b"".join(
        delimiter + line + head.replace(b"\r\n", line) + line + data + line + after
        for data in PICTURES
    )


def length(line: bytes = b"\r\n") -> bytes:
    return b"".join(
        b"--frame" + line + b"Content-Length: %d" % len(data) + 2 * line + data + line
        for data in PICTURES
    )


@pytest.mark.parametrize(
    ("stream", "boundary"),
    [
        (body(), "frame"),
        (body(b""), "frame"),
        (body(b"Content-Type: image/jpg\r\n"), "frame"),
        (body(line=b"\n"), "frame"),
        (length(), "frame"),
        (length(b"\n"), "frame"),
        # The header's boundary may have the dashes, have more of them, or be another.
        (body(), "--frame"),
        (body(delimiter=b"frame"), "frame"),
        (body(delimiter=b"----frame"), "--frame"),
        (body(), "other"),
        (body(), ""),
        (body(delimiter=b"--a b;c=(.*)"), "a b;c=(.*)"),
        (b"\r\n\r\n" + body(), "frame"),
        (b"welcome\r\nto the camera\r\n" + body(), "frame"),
        (body(after=b"\r\n\r\n"), "frame"),
        (body() + b"--frame--\r\n", "frame"),
        # An empty line too many, or none.
        (body(b"Content-Type: image/jpeg\r\n\r\n\r\n"), "frame"),
        (body().replace(b"image/jpeg\r\n\r\n", b"image/jpeg\r\n"), "frame"),
        # No line break before the delimiter.
        (body().replace(b"\r\n--frame", b"--frame"), "frame"),
        (body().replace(b"\r\n--frame\r\n", b"\r\n--frame  \r\n"), "frame"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
def test_every_part_is_found(stream, boundary, chunk):
    got = parts(stream, boundary, chunk)
    assert [part.rstrip(b"\r\n") for part in got if part.strip()] == PICTURES


def test_what_stands_between_parts_is_passed_over():
    stream = length().replace(b"\r\n--frame", b"\r\nx\0x\r\n--frame")
    assert [part.rstrip(b"\r\nx\0") for part in parts(stream)] == PICTURES


@pytest.mark.parametrize("wrong", [1, 5000])
def test_a_wrong_length_spoils_one_or_two_parts_at_most(wrong):
    stream = b"".join(
        b"--frame\r\nContent-Length: %d\r\n\r\n%s\r\n" % (wrong, data) for data in PICTURES * 4
    )
    assert sum(part.rstrip() in PICTURES for part in parts(stream)) >= 14


def test_memory_is_bounded():
    def endless(size):
        nonlocal given_bytes
        given_bytes += size
        return bytes(size)

    for start in (
        b"x",
        b"--f\r\n\r\nx",
        b"--f\r\nContent-Length: 999999999\r\n\r\n",
        b"--f\r\nA: b",
    ):
        given_bytes = 0
        first = [start]
        found = Multipart(lambda size, first=first: first.pop() if first else endless(size), "f")
        assert found.part() is None
        assert found.failure
        assert given_bytes <= multipart.PART_BYTES + (1 << 17)


@given(st.binary(max_size=2000), st.text(max_size=8), st.integers(1, 64))
def test_nothing_that_comes_is_an_error(data, boundary, chunk):
    found = Multipart(reader(data, chunk), boundary)
    for _ in range(len(data) + 2):
        if found.part() is None:
            break
    else:
        raise AssertionError("more parts than bytes")


@given(
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=6),
    st.sampled_from([b"\r\n", b"\n"]),
    st.integers(1, 40),
)
def test_lengths_hold_whatever_a_part_has_in_it(datas, line, chunk):
    # A picture begins with neither a line's end nor a header.
    datas = [b"\xff\xd8\xff" + data for data in datas]
    stream = b"".join(
        b"--frame" + line + b"Content-Length: %d" % len(data) + 2 * line + data + line
        for data in datas
    )
    assert parts(stream, chunk=chunk) == datas


def test_a_picture_waits_for_no_delimiter_behind_it():
    chunks = [b"--frame\r\n\r\n" + PICTURES[0][:200], PICTURES[0][200:] + b"\r\n"]
    chunks += [b"--frame\r\n\r\n" + PICTURES[1]]
    asked = iter(chunks)
    found = Multipart(lambda _: next(asked), "frame")
    assert found.part().rstrip() == PICTURES[0]
    assert found.part() == PICTURES[1]
