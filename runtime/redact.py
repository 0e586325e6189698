"""Text from strangers, made safe to show."""

from __future__ import annotations

import re

#: C0, DEL and C1 controls, line separators, bidirectional marks and lone surrogates:
#: a terminal may obey them, and a log may not hold them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """The text in one line, with whatever a terminal might obey as backslash escapes."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def reason(error: BaseException) -> str:
    """What an error says, in one short line; its kind where it says nothing."""
    text = printable(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + "..."
