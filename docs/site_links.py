"""Links of the pages to files outside of docs/, for the site.

On the repository's pages they lead to the file. The site doesn't have it, so there the link
becomes its text with the file's name; one to a file that isn't there is left to mkdocs,
which then fails.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).resolve().parent
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by mkdocs with each page's text."""
    folder = (_DOCS / page.file.src_uri).parent

    def plain(found: re.Match[str]) -> str:
        text, link = found.groups()
        target = (folder / link).resolve()
        if target.is_relative_to(_DOCS) or not target.exists():
            return found[0]
        name = target.relative_to(_DOCS.parent).as_posix()
        return text if text.strip("`") == name else f"{text} (`{name}`)"

    return _LINK.sub(plain, markdown)
