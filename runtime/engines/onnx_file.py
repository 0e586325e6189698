"""Model files are data: read once, within a limit, and without reaching outside themselves.

An ONNX file may name other files: external data of its weights, which ONNX Runtime up to
1.23 reads from anywhere, and compiled contexts (EPContext). The bytes are searched for
such references before any backend sees them, by a walk over protobuf's wire format: the
device has no `onnx` package, and protobuf's own parser would copy every weight. Field
numbers are those of onnx.proto.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

from runtime.errors import EngineError
from runtime.support.files.reading import open_input_file

#: Largest model file in bytes; the shipped ones have 20 million at the most.
MAX_MODEL = 512 << 20

#: Bytes that are copied at once.
_BLOCK = 1 << 16

#: Most fields that a walk visits, and its deepest nesting: a large network has some ten
#: thousand. ONNX Runtime takes twice as long for each further branch within a branch, and
#: can't be interrupted: minutes for 6 kB at a depth of 65.
MAX_FIELDS, MAX_DEPTH = 1_000_000, 32

#: Wire types: a number, 8 bytes, so many bytes as a length says, 4 bytes. Groups, which
#: ONNX never had, are refused.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

#: Of each message the fields that hold messages in which a reference may be.
_NUMBERS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "tensor": {},
}

#: The same by tag, which is a field's number and wire type.
_INNER = {
    kind: {number << 3 | _BYTES: inner for number, inner in numbers.items()}
    for kind, numbers in _NUMBERS.items()
}

#: Tags of TensorProto's `external_data` and `data_location`, and of NodeProto's `op_type`.
_EXTERNAL, _LOCATION, _OPERATOR = 13 << 3 | _BYTES, 14 << 3 | _VARINT, 4 << 3 | _BYTES

#: Tag of ModelProto's `metadata_props`, whose entries have a key (1) and a value (2).
_METADATA = 14 << 3 | _BYTES


class ModelFile:
    """A copy of a model file that nobody else can change; a context manager.

    It lies outside the heap, of which ten million bytes for a moment would take 15 MB for
    good: glibc then serves all that is smaller from it.

    Attributes:
        content: The bytes; they outlive the context.
    """

    def __init__(self, path: Path) -> None:
        """Copies the file.

        Raises:
            EngineError: It is missing, empty, too large or can't be read.
        """
        try:
            source, size = open_input_file(path, MAX_MODEL)
            with source, open(os.memfd_create("model"), "wb") as copy:
                while copy.tell() < size and (block := source.read(_BLOCK)):
                    copy.write(block)
                copy.flush()
                size = copy.tell()
                self._descriptor = os.dup(copy.fileno())
        except OSError as error:
            raise EngineError(f"{path}: {error.strerror}") from error
        if not size:
            os.close(self._descriptor)
            raise EngineError(f"{path}: the file is empty; export it again")
        self.content = mmap.mmap(self._descriptor, size, access=mmap.ACCESS_READ)

    @property
    def path(self) -> str:
        """A path of the copy, for libraries that take no bytes; good until it is closed."""
        return f"/proc/self/fd/{self._descriptor}"

    def close(self) -> None:
        """Gives the path up; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> ModelFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_onnx(path: Path) -> ModelFile:
    """An ONNX file that refers to no other file.

    Raises:
        EngineError: As `ModelFile` and `check_onnx`.
    """
    model = ModelFile(path)
    try:
        check_onnx(model.content, str(path))
    except BaseException:
        model.close()
        raise
    return model


def check_onnx(data: bytes | mmap.mmap, origin: str) -> None:
    """Refuses an ONNX model that refers to other files.

    Args:
        data: The whole file.
        origin: Where it came from, for messages.

    Raises:
        EngineError: It does, is no protobuf message of ONNX's shape, or is nested deeper
            or has more fields than any network.
    """
    try:
        found = _reference(data)
    except (ValueError, IndexError) as error:
        raise EngineError(
            f"{origin}: not a sound ONNX model, or cut short; export it again ({error})"
        ) from error
    if found:
        raise EngineError(
            f"{origin}: the model names {found} outside the file, which is refused; "
            "save it as one file (onnx.save with save_as_external_data=False)"
        )


def onnx_metadata(data: bytes | mmap.mmap, origin: str) -> dict[str, str]:
    """The texts that an ONNX model carries, by their keys.

    Args:
        data: The whole file, which `check_onnx` let through.
        origin: Where it came from, for messages.

    Raises:
        EngineError: They aren't UTF-8, or no texts.
    """
    found = {}
    try:
        for tag, start, end in _fields(data, 0, len(data)):
            if tag == _METADATA:
                entry = {number: data[a:b] for number, a, b in _fields(data, start, end)}
                # As ONNX Runtime reads them: the last one counts.
                key, value = (entry.get(number << 3 | _BYTES, b"").decode() for number in (1, 2))
                found[key] = value
    except UnicodeDecodeError as error:
        raise EngineError(f"{origin}: the model has texts that aren't UTF-8") from error
    except (ValueError, IndexError) as error:
        raise EngineError(f"{origin}: not a sound ONNX model ({error})") from error
    return found


def _fields(data: bytes | mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Tag, first byte and byte after the last of each field of a message."""
    while at < end:
        tag, at = _varint(data, at)
        wire, start = tag & 7, at
        if wire == _VARINT:
            _, at = _varint(data, at)
        elif wire == _BYTES:
            size, start = _varint(data, at)
            at = start + size
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError("it has parts that ONNX doesn't know")
        if at > end:
            raise ValueError("a part reaches beyond its end")
        yield tag, start, at


def _reference(data: bytes | mmap.mmap) -> str:
    """What the model names outside itself; empty for nothing.

    Raises:
        ValueError, IndexError: The bytes aren't such a message.
    """
    # (kind of message, its first byte, the byte after its last, depth)
    messages = [("model", 0, len(data), 1)]
    fields = 0
    while messages:
        kind, at, end, depth = messages.pop()
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        inner = _INNER[kind]
        while at < end:
            fields += 1
            if fields > MAX_FIELDS:
                raise ValueError("it has too many parts")
            # Most numbers are one byte, and a call for each would take most of the time.
            tag = data[at]
            at += 1
            if tag > 127:
                tag, at = _varint(data, at - 1)
            wire = tag & 7
            start, value = at, 0
            if wire in (_BYTES, _VARINT):
                value = data[at]
                at += 1
                if value > 127:
                    value, at = _varint(data, at - 1)
                if wire == _BYTES:
                    start = at
                    at += value
            elif wire in (_FIXED64, _FIXED32):
                at += 8 if wire == _FIXED64 else 4
            else:
                raise ValueError("it has parts that ONNX doesn't know")
            if at > end or not 7 < tag < 1 << 32:
                raise ValueError("a part reaches beyond its end")
            if tag in inner:
                messages.append((inner[tag], start, at, depth + 1))
            elif kind == "tensor":
                if tag == _EXTERNAL or (tag == _LOCATION and value):
                    return "data of its weights"
            elif kind == "node" and tag == _OPERATOR and data[start:at] == b"EPContext":
                return "a compiled context"
    return ""


def _varint(data: bytes | mmap.mmap, at: int) -> tuple[int, int]:
    """A number of the wire format, and where it ends."""
    value = data[at]
    at += 1
    if value < 128:
        return value, at
    value &= 127
    for shift in range(7, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number is too long")
