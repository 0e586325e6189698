"""What the documentation names is there: links, modules, commands, flags, paths, targets."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from tests.conftest import PORTRAIT, REPO

#: What a newcomer reads, and what says how it came to be.
ROOT_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "train/RESULTS.md")
PAGES = sorted(
    [REPO / name for name in ROOT_PAGES]
    + [REPO / "examples" / "README.md", REPO / "runtime" / "models" / "MODEL_CARD.md"]
    + list((REPO / "docs").rglob("*.md"))
)
#: Pages that tell of the past: what they name may be gone.
PAST = {REPO / "CHANGELOG.md", *(REPO / "docs" / "decisions").glob("*.md")}
PRESENT = [page for page in PAGES if page not in PAST]

OURS = "runtime|emotion_edge|train|calibration|export|benchmarks|tests"

#: Flags of other programs' commands.
FOREIGN_FLAGS = {"--ignore-scripts", "--prefix", "--strict"}
FOREIGN_FLAGS |= {"--check", "--upgrade"}

#: Words for which the glossary has the field's.
PRIVATE_WORDS = re.compile(r"\b(films?|doubts?|doubted|spells|strangers?|off the beat)\b", re.I)


def name_of(page: Path) -> str:
    return page.relative_to(REPO).as_posix()


def code_of(text: str) -> list[str]:
    """Blocks and spans of code in a page."""
    blocks = re.findall(r"^```.*?^```|^(?: {4}\S.*\n)+", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return blocks + re.findall(r"`([^`]+)`", rest)


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(REPO), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@cache
def names_in(file: Path) -> dict[str, set[str]]:
    """What a module defines or imports, and the members of its classes."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.setdefault(node.name, set())
        elif isinstance(node, ast.ClassDef):
            members = {child.name for child in node.body if isinstance(child, ast.FunctionDef)}
            for child in ast.walk(node):
                if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                    members.add(child.target.id)
                elif isinstance(child, ast.Attribute):
                    members.add(child.attr)
            found[node.name] = members
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, set())
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                found.setdefault(alias.asname or alias.name, set())
    return found


def exists(dotted: str) -> bool:
    """Whether a dotted name is a module of ours, or something in one."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        path = REPO.joinpath(*parts[:count])
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not file.is_file():
            continue
        rest = parts[count:]
        if not rest:
            return True
        names = names_in(file)
        return rest[0] in names and (len(rest) == 1 or rest[1] in names[rest[0]])
    return False


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_dotted_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = re.findall(rf"^::: ((?:{OURS})[\w.]*)", text, re.MULTILINE)
    for code in code_of(text):
        names += re.findall(rf"(?<![\w./-])((?:{OURS})(?:\.[A-Za-z_]\w*)+)(?![\w/])", code)
    suffixes = (".py", ".md", ".json", ".onnx", ".plan", ".csv", ".yaml")
    missing = [name for name in names if not name.endswith(suffixes) and not exists(name)]
    assert not missing


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_commands_are_there(page: Path) -> None:
    for code in code_of(page.read_text(encoding="utf-8")):
        for module in re.findall(rf"python -m ((?:{OURS})[\w.]*)", code):
            path = REPO.joinpath(*module.rstrip(".").split("."))
            file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
            assert file.is_file(), module
            assert "__main__" in file.name or '"__main__"' in file.read_text(), module


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_flags_are_those_of_a_command(page: Path) -> None:
    known = set(re.findall(r"--\w+", (REPO / "tests" / "golden" / "data" / "help.txt").read_text()))
    known |= set(re.findall(r'"(--\w+)"', "".join(p.read_text() for p in _scripts())))
    for code in code_of(page.read_text(encoding="utf-8")):
        if re.match(r"(```\w*\n)?\s*(pip|npm|git) ", code):
            continue
        for flag in re.findall(r"(?<![\w-])--(?!no-)[a-z][\w-]*", code):
            assert flag in known | FOREIGN_FLAGS, flag


def _scripts() -> list[Path]:
    return [*(REPO / "examples").glob("*.py"), *(REPO / "tests").glob("**/__main__.py")]


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_paths_are_there(page: Path) -> None:
    def is_missing(code: str) -> bool:
        if re.fullmatch(rf"(?:{OURS}|docs|configs|examples|requirements|\.github)/[\w./-]+", code):
            return not (REPO / code).exists()
        if re.fullmatch(r"(?:[\w/]+/)?test_\w+\.py", code):
            return not list((REPO / "tests").rglob(code))
        return False

    missing = [code for code in code_of(page.read_text(encoding="utf-8")) if is_missing(code)]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_has_the_targets(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    for code in code_of(page.read_text(encoding="utf-8")):
        for target in re.findall(r"^make ([a-z-]+)", code.removeprefix("```\n"), re.MULTILINE):
            assert target in targets


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=name_of)
def test_words_are_the_fields(page: Path) -> None:
    assert not PRIVATE_WORDS.search(page.read_text(encoding="utf-8"))


def test_every_page_is_in_the_navigation_once() -> None:
    def pages(item: object) -> list[str]:
        if isinstance(item, str):
            return [item]
        children = item.values() if isinstance(item, dict) else item
        return [page for child in children for page in pages(child)]  # type: ignore[union-attr]

    shown = pages(yaml.safe_load((REPO / "mkdocs.yml").read_text())["nav"])
    there = [p.relative_to(REPO / "docs").as_posix() for p in (REPO / "docs").rglob("*.md")]
    assert sorted(shown) == sorted(there)


def test_decisions_are_numbered_and_listed() -> None:
    folder = REPO / "docs" / "decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    listed = (folder / "README.md").read_text()
    for number, record in enumerate(records, start=1):
        assert record.name.startswith(f"{number:04d}-")
        text = record.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. ")
        for heading in ("Context", "Measured", "Decision", "Consequences"):
            assert f"\n## {heading}\n" in text, record.name
        assert f"| [{number}]({record.name}) |" in listed


def test_every_folder_of_the_runtime_has_its_room_in_the_architecture() -> None:
    text = (REPO / "docs" / "architecture.md").read_text(encoding="utf-8")
    tracked = subprocess.run(
        ["git", "ls-files", "runtime/*/__init__.py"], cwd=REPO, capture_output=True, text=True
    ).stdout.split()
    rooms = {"/".join(path.split("/")[:2]) for path in tracked}
    assert all(f"`{room}/`" in text for room in rooms)


def test_the_python_of_the_front_page_runs(tmp_path: Path, clip: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (REPO / "README.md").read_text(), re.DOTALL)
    shutil.copy(PORTRAIT, tmp_path / "photo.jpg")
    shutil.copy(clip, tmp_path / "clip.mp4")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("happiness ")
    assert len(lines) == 1 + 40


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_python_in_a_page_names_what_the_package_exports(page: Path) -> None:
    import emotion_edge

    for code in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module == "emotion_edge":
                assert {alias.name for alias in node.names} <= set(emotion_edge.__all__)
