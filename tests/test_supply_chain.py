"""What CI and `make` install is pinned: each package by version and hash, each action by commit."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPO

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WORKFLOWS = sorted((REPO / ".github" / "workflows").glob("*.yml"))
LOCKS = sorted((REPO / "requirements").glob("*.txt"))
LOCKS += sorted((REPO / "benchmarks" / "peers" / "locks").glob("*/requirements.txt"))


def entries(lock: Path) -> list[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its hashes; fails on any other line."""
    text = re.sub(r"^#.*\n", "", lock.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        requirement, *hashes = line.split("--hash=")
        found.append((Requirement(requirement), [digest.strip() for digest in hashes]))
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_package_is_pinned_by_version_and_hash(lock: Path) -> None:
    assert entries(lock)
    for requirement, hashes in entries(lock):
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert requirement.url is None
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes)


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(("name", "extras"), [("runtime", [""]), ("dev", ["", "dev"])])
def test_the_locks_hold_what_the_package_needs(
    name: str, extras: list[str], machine: str, version: str
) -> None:
    """After a change of pyproject.toml `make lock` is wanted."""
    place = {
        "python_version": version,
        "python_full_version": f"{version}.0",
        "platform_machine": machine,
        "sys_platform": "linux",
        "platform_python_implementation": "CPython",
    }
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    optional, todo, needed = project["optional-dependencies"], list(extras), set()
    while todo:
        extra = todo.pop()
        for line in optional[extra] if extra else project["dependencies"]:
            requirement = Requirement(line)
            if requirement.name == project["name"]:
                todo += sorted(requirement.extras)
            elif requirement.marker is None or requirement.marker.evaluate(place):
                needed.add(requirement)
    locked = {
        canonicalize_name(r.name): next(iter(r.specifier)).version
        for r, _ in entries(REPO / "requirements" / f"{name}.txt")
        if r.marker is None or r.marker.evaluate(place)
    }
    assert needed
    for requirement in needed:
        version_here = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version_here), requirement


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflows_run_pinned_actions_with_the_least_rights(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", step["uses"])
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            assert "pip install" not in step.get("run", "")


def test_nothing_is_installed_past_the_locks() -> None:
    makefile = (REPO / "Makefile").read_text()
    installs = re.findall(r"\$\((?:PIP|LOCKED)\)\)? (?!.*--require-hashes).*", makefile)
    assert installs
    for line in installs:
        ours = line.endswith((" -e .", " dist/emotion_edge-*.whl"))
        assert "requirements/" in line or ours, line
    assert makefile.count("pip --disable-pip-version-check install") == 1
