"""What a message may show: no secret of an address, no control character.

Every line for a terminal or a log passes `redact`: `run_command` for errors,
`RedactingFormatter` for the log. Names of sources and receivers are made by
`shown_address` and hold no secret in the first place.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable
from functools import partial
from urllib.parse import quote_from_bytes, unquote, unquote_plus

#: A URL to the end of its quotes, or to the next space.
_URL = re.compile(
    r"""(?P<mark>["'`])(?P<quoted>[A-Za-z][A-Za-z0-9+.-]{0,40}://.*?)(?P=mark)"""
    r"""|[A-Za-z][A-Za-z0-9+.-]{0,40}://[^\s"'<>`]*"""
)

#: `name=value` and `name: value` whose value is secret, in pipelines, headers and options.
_NAMES = (
    r"(?:[\w-]*(?:pass(?:word|wd|phrase)?|passwd|pwd|secret|token|credentials?|api[_-]?key"
    r"|signature|authorization|cookies?|stream[_-]?key|headers)|(?:proxy-|user-)?user(?:name|-id)?"
    r"|(?:[\w-]*-)?pw|(?:proxy-|user-)?id|auth|sig|key)"
)
_PAIR = re.compile(
    rf"(?i)(?<![\w-])({_NAMES})(\s*=\s*)"
    r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\".*?\\"|\{[^}]*\}|(?!\*\*\*)[^\s&;,)]+)"""
)
_HEADER = re.compile(
    r"(?im)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:key|token))(: *)[^\r\n]+"
)

#: A path of these is no secret; a long part of one may be a key.
_PLAIN_PATH = re.compile(r"(?:/[\w.~-]{0,20})*")

#: Shorter secrets would be found inside of ordinary words.
_SHORTEST = 4

#: Secrets that are remembered, at most: of an address about ten, with odd characters fifty.
_MOST = 5000

#: Text to hide, and what is shown in its place; the longest first.
_remembered: dict[str, str] = {}


def printable(text: str) -> str:
    """The text with everything escaped that could move a terminal's cursor or reorder a line.

    Control and format characters (among them those that turn the direction of
    writing), line separators, what Unicode doesn't know and what isn't text at all
    (bytes of a file name that are no UTF-8) become backslash escapes; spaces and
    letters of any script stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char
        if unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029"
        else _escaped(char)
        for char in text
    )


def unicode_text(text: str) -> str:
    """The text with what is no Unicode (bytes of a file name that are no UTF-8) escaped alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join(
            _escaped(char) if unicodedata.category(char) == "Cs" else char for char in text
        )
    return text


def _escaped(char: str) -> str:
    code = ord(char)
    # Python keeps a byte that is no UTF-8 as a lone surrogate.
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def shown_address(text: str, path: bool = False) -> str:
    """An address as messages may show it.

    Of a URL only scheme, host and port are shown, and not even the host where it
    can't be told from a password with `/`, `?`, `#` or `@` in it: any path may be
    the key to a stream.

    Args:
        text: A URL, also a mistyped one, a GStreamer pipeline with URLs and
            properties in it, or anything else, such as a path.
        path: Show a path, too, where nothing of the URL looks secret.
    """
    if " ! " in text:
        return printable(_PAIR.sub(r"\1\2***", _URL.sub(partial(_hide_url, path), text)))
    scheme, mark, rest = text.partition("://")
    if not mark or not re.fullmatch(r"[A-Za-z][\w+.-]*", scheme):
        # A mistyped URL, perhaps: what stands before its last @ may be a login.
        return printable(re.sub(r"(?s).*:.*@", "***@", text))
    if scheme.lower() == "file":
        return f"{scheme}://" + printable(re.sub(r"^[^/]*@", "***@", rest))
    authority = re.match(r"[^/?#]*", rest)
    assert authority is not None  # it may be empty
    tail = rest[authority.end() :]
    if "@" in tail or "\\" in authority[0]:
        return f"{scheme}://***"
    user, _, host = authority[0].rpartition("@")
    if not re.fullmatch(r"[\w.-]*(?::\d*)?|\[[0-9A-Fa-f:.%]*\](?::\d*)?", host):
        return f"{scheme}://***"
    secret = (
        not path or user or scheme.lower().startswith("rtmp") or not _PLAIN_PATH.fullmatch(tail)
    )
    return f"{scheme}://{host}{'' if secret else tail}"


def remember(texts: Iterable[str]) -> None:
    """Notes addresses that the operator gave, so that no message repeats what is secret in them.

    Libraries quote an address in parts, decoded, or with a word before it; what is
    remembered is found all the same.

    Args:
        texts: URLs or GStreamer pipelines; others are passed over.
    """
    for text in texts:
        if "://" not in text or len(_remembered) > _MOST:
            continue
        shown = shown_address(text)
        if shown == printable(text):
            continue
        _remembered[text] = shown
        rest = text.partition("://")[2]
        user = rest.rpartition("@")[0]
        password = user.partition(":")[2] or user
        place = rest.rpartition("@")[2]
        # A query, and paths that cameras have in place of one.
        values = (v.partition("=")[2] for v in re.split(r"[?&;/#]", place))
        parts = [rest, user, password, rest.partition("?")[2], place.partition("?")[2], *values]
        path = re.search(r"/[^?#]*", place)
        # A topic of MQTT is shown.
        if path and not text.lower().startswith("mqtt"):
            parts.append(path[0])
            # A key that stands in the path goes on to other addresses of the server.
            parts += [key for key in path[0].split("/") if not _PLAIN_PATH.fullmatch(f"/{key}")]
        if user:
            parts.append(b64encode(_encoded(unquote(user))).decode())
        for part in parts:
            for form in _forms(part):
                if len(form) >= _SHORTEST:
                    _remembered.setdefault(form, "***")


def _forms(part: str) -> set[str]:
    """The ways in which libraries write a part of an address: as it is, decoded, encoded."""
    plain = {part, unquote(part), unquote_plus(part)}
    forms = set(plain)
    for text in plain:
        data = _encoded(text)
        for encoded in (quote_from_bytes(data, safe="/"), quote_from_bytes(data, safe="")):
            # Hexadecimal digits are written in either case.
            forms |= {encoded, re.sub("%..", lambda found: found[0].lower(), encoded)}
        forms |= {
            quote_from_bytes(data, safe="/%:@!$&'()*+,;=~?"),
            repr(text)[1:-1],
            json.dumps(text)[1:-1],
            repr(data)[2:-1],
            printable(text),
        }
    return forms


def _encoded(text: str) -> bytes:
    """The bytes of a text, also where it holds bytes of a command line that are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def redact(text: str) -> str:
    """The text without secrets and control characters, on as many lines as before.

    Args:
        text: A message, which may quote what the operator or a client wrote.
    """
    if "://" in text or "=" in text or ":" in text or _remembered:
        for secret in sorted(_remembered, key=len, reverse=True):
            if secret in text:
                text = text.replace(secret, _remembered[secret])
        text = _URL.sub(partial(_hide_url, True), text)
        text = _HEADER.sub(r"\1\2***", text)
        text = _PAIR.sub(r"\1\2***", text)
    return "\n".join(map(printable, text.split("\n")))


def _hide_url(path: bool, match: re.Match[str]) -> str:
    if match["quoted"] is not None:
        return f"{match['mark']}{shown_address(match['quoted'], path)}{match['mark']}"
    # A sentence's own marks behind an address are no part of it.
    url = match[0].rstrip(").,;:!")
    return shown_address(url, path) + match[0][len(url) :]


class RedactingFormatter(logging.Formatter):
    """Formats a record as ever, its message on one line, and shows no secret of it."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.formatMessage`; a name from outside begins no line of its own."""
        return super().formatMessage(record).replace("\n", "\\n")

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`; tracebacks too."""
        return redact(super().format(record))


def start_log(level: int = logging.INFO) -> None:
    """Sends the log to standard error, redacted, unless somebody has set up logging."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(levelname)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
