"""The parts of a `multipart/x-mixed-replace` body, however a camera writes them.

Cameras leave out the types and lengths of parts, write a wrong length, end lines by LF
alone, put dashes before their boundary where the header has none, or have another
boundary than the header says. The delimiter is therefore learnt from the body itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: Most bytes of a part; a JPEG picture of 8K has about ten million.
PART_BYTES = 16_000_000

#: Most bytes of the headers of a part, and of what stands before the first delimiter or
#: between two parts.
_HEAD_BYTES, _BETWEEN_BYTES = 16_384, 65_536

#: Bytes asked for at a time.
_CHUNK = 1 << 16

#: How pictures begin, of which the headers may lack their empty line.
_PICTURE = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM")

_HEADER = re.compile(rb"[ \t]*[!-9;-~]+[ \t]*:")


class Multipart:
    """Splits a body into its parts, in bounded memory."""

    def __init__(self, read: Callable[[int], bytes], boundary: str = "") -> None:
        """Reads nothing yet.

        Args:
            read: Gives at most so many bytes of the body; none at its end.
            boundary: As the header has it; may be wrong.
        """
        self._read = read
        # What a header can't hold stands in no body either.
        self._core = boundary.encode("utf-8", "ignore").strip(b" \t\"'").strip(b"-")
        self._buffer = bytearray()
        self._delimiter: re.Pattern[bytes] | None = None
        #: Bytes by which a delimiter may still grow.
        self._longest = 0
        self._line = b""
        self._after_delimiter = False
        self._trust_length = True
        #: Why there is no further part; empty at a sound end.
        self.failure = ""

    def part(self) -> bytes | None:
        """The next part that isn't empty, without its headers.

        Returns:
            None at the end, and where what comes is no multipart body (`failure`).
        """
        while not self.failure:
            if not self._after_delimiter and not self._skip_to_delimiter():
                return None
            self._after_delimiter = False
            length = self._headers()
            if self.failure:
                return None
            body = self._body(length)
            if body or self.failure:
                return body or None
            if body is None:
                return None
        return None

    def _take(self, count: int) -> bytes:
        """Removes the first bytes of the buffer, and gives them."""
        with memoryview(self._buffer) as view:
            taken = bytes(view[:count])
        del self._buffer[:count]
        return taken

    def _more(self) -> bool:
        """Reads on; False at the end."""
        data = self._read(_CHUNK)
        self._buffer += data
        return bool(data)

    def _skip_to_delimiter(self) -> bool:
        """Drops what stands before the next delimiter, and that; False where none comes."""
        if self._delimiter is None:
            return self._learn()
        skipped, length_was_right = 0, True
        while True:
            found = self._delimiter.search(self._buffer)
            end = len(self._buffer) if found is None else found.start()
            if found is None:
                end = max(0, end - self._longest)
            if self._buffer[:end].strip():
                length_was_right = False
            skipped += end
            if found is not None:
                del self._buffer[: found.end()]
                # What a length left over, or took too much, is no longer believed.
                self._trust_length &= length_was_right
                return True
            del self._buffer[:end]
            if skipped > PART_BYTES:
                self.failure = "sends pictures without an end"
                return False
            if not self._more():
                return False

    def _learn(self) -> bool:
        """Finds the first delimiter, and how the others look."""
        at = 0
        while True:
            end = self._buffer.find(b"\n", at)
            if end < 0:
                if len(self._buffer) > _BETWEEN_BYTES:
                    self.failure = "sends no parts of a multipart stream"
                    return False
                if self._more():
                    continue
                return False
            line = bytes(self._buffer[at:end]).strip(b" \t\r")
            at = end + 1
            core = line.strip(b"-")
            if line and (core == self._core if self._core else False):
                break
            if line.startswith(b"--") and core:
                break
            if at > _BETWEEN_BYTES:
                self.failure = "sends no parts of a multipart stream"
                return False
        # Without dashes it might stand in the middle of a picture.
        before = rb"" if line.startswith(b"--") else rb"(?:^|(?<=\n))"
        self._delimiter = re.compile(
            rb"(?:\r?\n)?" + before + re.escape(line) + rb"(?:--)?[ \t]*\r?\n"
        )
        self._line, self._longest = line, len(line) + 16
        del self._buffer[:at]
        return True

    def _headers(self) -> int | None:
        """Reads the headers of a part; its length, where that is stated and to be believed."""
        length = None
        taken = 0
        while True:
            if self._buffer.startswith(_PICTURE):
                return length
            end = self._buffer.find(b"\n")
            if end < 0:
                if len(self._buffer) > _HEAD_BYTES or not self._more():
                    if len(self._buffer) > _HEAD_BYTES:
                        self.failure = "sends headers without an end"
                    return length
                continue
            line = bytes(self._buffer[:end]).strip()
            if line and not _HEADER.match(line):
                return length  # no header, so the part has begun
            del self._buffer[: end + 1]
            taken += end + 1
            if taken > _HEAD_BYTES:
                self.failure = "sends headers without an end"
                return None
            if not line:
                return length
            name, _, value = line.partition(b":")
            value = value.strip()
            if name.strip().lower() == b"content-length" and re.fullmatch(rb"[0-9]{1,9}", value):
                length = int(value)

    def _body(self, length: int | None) -> bytes | None:
        """The body of a part; None where it is cut short by the end."""
        while not self._buffer or self._buffer[0] in b"\r\n":
            # Some leave more than one empty line; a picture begins with neither.
            if self._buffer:
                del self._buffer[:1]
            elif not self._more():
                return None
        assert self._delimiter is not None
        if length and self._trust_length:
            if length > PART_BYTES:
                self.failure = "sends more than it should for one picture"
                return None
            while len(self._buffer) < length:
                if not self._more():
                    return None
            body = self._take(length)
            within = self._delimiter.search(body) if self._line in body else None
            if within is None:
                return body
            # The length reaches into the next part.
            self._buffer[:0] = body
            self._trust_length = False
        at = 0
        while (found := self._delimiter.search(self._buffer, at)) is None:
            at = max(0, len(self._buffer) - self._longest)
            if len(self._buffer) > PART_BYTES:
                self.failure = "sends more than it should for one picture"
                return None
            if _is_whole(self._buffer):
                # The delimiter may come with the next picture only, which would be lag.
                body = bytes(self._buffer)
                self._buffer.clear()
                return body
            if not self._more():
                # The last one may well be whole, which a JPEG tells by its end.
                body = bytes(self._buffer)
                self._buffer.clear()
                whole = not body.startswith(b"\xff\xd8") or b"\xff\xd9" in body[-_CHUNK:]
                return body if body and whole else None
        delimiter = found.end() - found.start()
        body = self._take(found.start())
        del self._buffer[:delimiter]
        self._after_delimiter = True
        return body


def _is_whole(data: bytearray) -> bool:
    """Whether what has come so far ends as a JPEG does."""
    tail = bytes(data[-64:]).rstrip(b"\0\r\n")
    return tail.endswith(b"\xff\xd9") and data.startswith(b"\xff\xd8") and b"\xff\xda" in data
