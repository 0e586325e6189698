"""What the workflows of CI say is sound: nothing here can run them, a mistake would show late."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import runtime
from tests.conftest import REPO

WORKFLOWS = sorted((REPO / ".github" / "workflows").glob("*.yml"))

#: Keys that a step may have; of others GitHub refuses the whole workflow.
STEP_KEYS = {"name", "id", "if", "uses", "with", "run", "env", "shell", "working-directory"}
JOB_KEYS = {"runs-on", "timeout-minutes", "strategy", "needs", "permissions", "steps", "env", "if"}

#: What may stand in an expression, besides what a job's matrix has.
CONTEXT = {"github.ref", "github.token", "github.repository"}


def _load(path: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    return {str(key): value for key, value in yaml.safe_load(path.read_text()).items()}


JOBS = {
    f"{path.stem}-{name}": job for path in WORKFLOWS for name, job in _load(path)["jobs"].items()
}
RUNS = {
    f"{name}-{number}": step["run"]
    for name, job in JOBS.items()
    for number, step in enumerate(job["steps"])
    if "run" in step
}


def test_there_are_these_workflows() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "export", "release"]
    for path in WORKFLOWS:
        workflow = _load(path)
        assert workflow["name"] == path.stem
        assert set(workflow) <= {"name", "True", "permissions", "jobs", "concurrency"}
        for event in workflow["True"]:
            assert event in {"push", "pull_request", "workflow_dispatch"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_paths_that_start_a_workflow_are_there(path: Path) -> None:
    for pattern in (_load(path)["True"].get("push") or {}).get("paths", []):
        assert (REPO / pattern.removesuffix("/**")).exists(), pattern


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_what_it_needs_and_a_time_limit(name: str) -> None:
    job = JOBS[name]
    assert set(job) <= JOB_KEYS
    # Not `latest`, which changes under the tests.
    assert re.fullmatch(r"ubuntu-\d\d\.04", job["runs-on"])
    assert 0 < job["timeout-minutes"] <= 60
    siblings = [
        other.split("-", 1)[1] for other in JOBS if other.split("-")[0] == name.split("-")[0]
    ]
    assert job.get("needs", siblings[0]) in siblings
    for step in job["steps"]:
        assert set(step) <= STEP_KEYS
        assert ("uses" in step) != ("run" in step)
        assert "with" not in step or "uses" in step


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_expressions_name_what_is_there_and_never_stand_in_a_command(path: Path) -> None:
    for name, job in _load(path)["jobs"].items():
        matrix = {f"matrix.{key}" for key in job.get("strategy", {}).get("matrix", {})}
        found = set(re.findall(r"\$\{\{\s*(.*?)\s*\}\}", yaml.safe_dump(job)))
        assert found <= matrix | CONTEXT, name
        assert matrix <= found, name
        for step in job["steps"]:
            # A branch's name is untrusted text: commands get it by the environment.
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("name", RUNS)
def test_a_command_parses_and_names_what_is_there(name: str) -> None:
    command = RUNS[name]
    subprocess.run(["bash", "-n", "-c", command], check=True)
    for target in re.findall(r"^make (\S+)", command, re.MULTILINE):
        done = subprocess.run(
            ["make", "--dry-run", target], cwd=REPO, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    for script in re.findall(r"(?<!\S)\.ci/\S+", command):
        assert (REPO / script).stat().st_mode & 0o100, script


def test_ci_runs_on_every_python_that_is_supported() -> None:
    project = (REPO / "pyproject.toml").read_text()
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)
    assert JOBS["ci-test"]["strategy"]["matrix"]["python"] == named
    assert f'requires-python = ">={named[0]},' in project
    assert f'target-version = "py{named[0].replace(".", "")}"' in project


def test_only_the_job_that_runs_nothing_of_ours_may_write() -> None:
    writers = {name: job["permissions"] for name, job in JOBS.items() if "permissions" in job}
    assert writers == {"release-publish": {"contents": "write"}}
    (fetch, publish) = JOBS["release-publish"]["steps"]
    assert fetch["uses"].startswith("actions/download-artifact@")
    assert publish["run"].startswith("gh release create ")


@pytest.mark.parametrize(
    ("tag", "section", "word"),
    [
        ("v{version}", "## [{version}] - 2026-01-31", None),
        ("{version}", "## [{version}] - 2026-01-31", "is not v{version}"),
        ("v{version}.1", "## [{version}] - 2026-01-31", "is not v{version}"),
        ("v{version}-rc1", "## [{version}] - 2026-01-31", "is not v{version}"),
        ("v{version}", "## [Unreleased]", "no section"),
        ("v{version}", "## [9.9.9] - 2026-01-31", "no section"),
    ],
)
def test_a_tag_that_differs_is_refused(
    tmp_path: Path, tag: str, section: str, word: str | None
) -> None:
    version = runtime.__version__
    for name in (".ci/check-tag", "runtime/__init__.py"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(REPO / name, tmp_path / name)
    (tmp_path / "CHANGELOG.md").write_text(section.format(version=version) + "\n")
    done = subprocess.run(
        [tmp_path / ".ci" / "check-tag", tag.format(version=version)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == (1 if word else 0)
    assert (word or "").format(version=version) in done.stderr


def test_the_version_stands_in_one_place() -> None:
    version = re.compile(rf"(?<![\d.]){re.escape(runtime.__version__)}(?![\d.])")
    done = subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a checkout of git")
    places = []
    for name in done.stdout.splitlines():
        file = REPO / name
        if file.suffix in (".py", ".toml", ".cfg", ".md", ".yml", ".yaml", "") and file.is_file():
            places += [
                f"{name}: {line}"
                for line in file.read_text(encoding="utf-8").splitlines()
                if version.search(line) and "version" in line.lower() and name != "CHANGELOG.md"
            ]
    assert places == [f'runtime/__init__.py: __version__ = "{runtime.__version__}"']


def test_the_changelog_has_one_section_a_release_and_kind() -> None:
    """The form of Keep a Changelog."""
    text = (REPO / "CHANGELOG.md").read_text()
    releases = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert releases[0].startswith("[Unreleased]\n")
    names = [release.splitlines()[0] for release in releases]
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", name) for name in names[1:])
    assert len(set(names)) == len(names)
    for release in releases:
        kinds = re.findall(r"^### (.*)$", release, re.MULTILINE)
        assert len(set(kinds)) == len(kinds), kinds
        assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
