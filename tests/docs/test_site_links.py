"""Links out of docs/ become text on the site."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest

from tests.conftest import REPO


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("[runs](../../train/RESULTS.md)", "runs (`train/RESULTS.md`)"),
        ("[`train/RESULTS.md`](../../train/RESULTS.md)", "`train/RESULTS.md`"),
        ("[results](../../benchmarks/results)", "results (`benchmarks/results`)"),
        ("[glossary](../glossary.md#models)", "[glossary](../glossary.md#models)"),
        ("![plot](../images/demo.jpg)", "![plot](../images/demo.jpg)"),
        # Not there: mkdocs says so and fails.
        ("[gone](../../nothing.md)", "[gone](../../nothing.md)"),
    ],
)
def test_links_out_of_the_folder(markdown: str, shown: str) -> None:
    spec = importlib.util.spec_from_file_location("site_links", REPO / "docs" / "site_links.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = SimpleNamespace(file=SimpleNamespace(src_uri="guides/export.md"))
    assert module.on_page_markdown(markdown, page) == shown
