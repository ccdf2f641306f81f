"""The notebooks run from top to bottom, hold no code of their own, and are kept without outputs."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[1]
NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
OUTPUT_LIMIT = 20_000
"""Characters that the outputs of a committed notebook may have."""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def _cells(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@each_notebook
def test_a_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="notebooks need the extra `test`")
    nbclient = pytest.importorskip("nbclient", reason="notebooks need the extra `test`")
    for name in ("ipykernel", "matplotlib"):
        pytest.importorskip(name, reason="notebooks need the extra `test`")
    paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    kinds = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        for kind in output.get("data", ())
    }
    assert {"text/html", "image/png"} <= kinds, "tables, and a plot"


@each_notebook
def test_a_notebook_defines_nothing(path: Path) -> None:
    for cell in _cells(path):
        tree = ast.parse("".join(cell["source"]))
        assert not [
            node for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Lambda))
        ]  # fmt: skip


@each_notebook
def test_a_notebook_is_kept_small(path: Path) -> None:
    assert sum(len(json.dumps(cell["outputs"])) for cell in _cells(path)) < OUTPUT_LIMIT
