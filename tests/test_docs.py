"""What the documents say is tried: commands and code run, output compared, links followed.

In a ``console`` block a line that begins with ``$ `` is a command and what follows is its output; a
line ``…`` stands for any lines, and a command without output below is only run. All commands of a
document run one after another in one empty directory that sees the project's ``fixtures``. Commands
that set things up (make, git, cd, pip) are not run; a target of make must exist.
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
DOCUMENTS = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *CHECKOUT.glob("docs/*.md")]
SETTING_UP = ("make", "git", "cd", "pip", "python3")

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


@dataclass
class Step:
    """A command and what it shall print."""

    command: str
    output: list[str]


def _blocks(document: Path, language: str) -> list[str]:
    found = _FENCE.findall(document.read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def _steps(document: Path) -> Iterator[Step]:
    step = None
    for line in "".join(_blocks(document, "console")).splitlines():
        if line.startswith("$ "):
            if step:
                yield step
            step = Step(line[2:], [])
        elif step:
            step.output.append(line)
    if step:
        yield step


def _is_setting_up(command: str) -> bool:
    return command.split()[0] in SETTING_UP


def _pattern(output: list[str]) -> re.Pattern[str]:
    """Return what the printed lines shall match: ``…`` alone on a line is any lines."""
    lines = ("(?:.*\n)*?" if line.strip() == "…" else re.escape(line) + "\n" for line in output)
    return re.compile("".join(lines))


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """Return an empty directory from which the project's fixtures are seen as in the checkout."""
    (tmp_path / "fixtures").symlink_to(CHECKOUT / "fixtures")
    return tmp_path


def _run(command: str | list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    here = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    return subprocess.run(
        command,
        check=False,
        shell=isinstance(command, str),
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def _name(document: Path) -> str:
    return document.relative_to(CHECKOUT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_commands_print_what_the_document_says(document: Path, workplace: Path) -> None:
    for step in _steps(document):
        if _is_setting_up(step.command):
            continue
        done = _run(step.command, workplace)
        assert done.returncode == 0, f"{step.command}\n{done.stderr}"
        if step.output:
            printed = "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())
            assert _pattern(step.output).fullmatch(printed), f"{step.command}\n{printed}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_targets_of_make_exist(document: Path) -> None:
    for step in _steps(document):
        if step.command.startswith("make "):
            done = _run([*step.command.split(), "--dry-run"], CHECKOUT)
            assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_python_runs(document: Path, workplace: Path) -> None:
    code = "\n".join(_blocks(document, "python"))
    if code:
        done = _run([sys.executable, "-c", code], workplace)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = _LINK.findall(document.read_text(encoding="utf-8"))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert not [target for target in local if not (document.parent / target).exists()]


def test_the_page_of_tables_is_up_to_date() -> None:
    page = runpy.run_path(str(CHECKOUT / "docs" / "make_tables.py"))["page"]
    written = (CHECKOUT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert written == "\n".join(page()) + "\n", "run: make docs"


def test_the_readme_is_tried_at_all() -> None:
    """A slip in its Markdown must not silence the tests above."""
    readme = CHECKOUT / "README.md"
    commands = [step.command for step in _steps(readme) if not _is_setting_up(step.command)]
    assert any("pipelines.summarize" in command for command in commands)
    assert _blocks(readme, "python")
