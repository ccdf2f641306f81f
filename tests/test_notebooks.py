"""The notebooks run from the first cell to the last, and hold no outputs and no definitions."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="the extra notebook is not installed")
nbformat = pytest.importorskip("nbformat", reason="the extra notebook is not installed")

CHECKOUT = Path(__file__).parents[1]
NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


@each_notebook
def test_a_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(CHECKOUT), known])))
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs), "a plot is shown"


@each_notebook
def test_a_notebook_is_imports_and_prose(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    trees = [ast.parse(cell.source) for cell in cells]
    defined = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
    assert not [node for tree in trees for node in ast.walk(tree) if isinstance(node, defined)]
