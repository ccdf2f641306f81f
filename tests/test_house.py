"""The rules of the house that no linter knows; each names what breaks it."""

from __future__ import annotations

import ast
import configparser
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import pipelines
import pipelines.analyses
import pipelines.outputs
import pipelines.rules
from dissectors.body import bodies
from pipelines.analysis import analyses
from pipelines.finding import rules
from pipelines.output import outputs
from pipelines.schema import TABLES, Table

CHECKOUT = Path(__file__).parents[1]
PACKAGES = ("dissectors", "pipelines")
LONGEST_FUNCTION = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


# --- what there is to look at -------------------------------------------------------------------


def _sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (CHECKOUT / folder).rglob("*.py"))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(CHECKOUT)}:{getattr(node, 'lineno', 1)}"


def _public_definitions(body: list[ast.stmt]) -> Iterator[Definition]:
    """Yield public functions, classes and, of public classes, methods."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public_definitions(node.body)


def _name(node: ast.expr) -> str:
    """Return the last part of a dotted name, seen through a call: ``a.b(…)`` → ``b``."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))


# --- documentation ------------------------------------------------------------------------------


def test_everything_public_has_a_docstring() -> None:
    assert not [
        _where(path, node)
        for path in _sources(*PACKAGES)
        for node in (_tree(path), *_public_definitions(_tree(path).body))
        if not ast.get_docstring(node) and _tree(path).body
    ]


def _is_record(node: ast.ClassDef) -> bool:
    names = {_name(item) for item in (*node.decorator_list, *node.bases)}
    return bool(names & {"dataclass", "NamedTuple"})


def _is_text(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _undescribed_fields(node: ast.ClassDef) -> Iterator[ast.AnnAssign]:
    following = [*node.body[1:], None]
    for field, after in zip(node.body, following, strict=True):
        public = isinstance(field, ast.AnnAssign) and not _name(field.target).startswith("_")
        if public and not _is_text(after):
            yield field


def test_every_field_of_a_record_is_described() -> None:
    assert not [
        _where(path, field)
        for path in _sources(*PACKAGES)
        for node in _public_definitions(_tree(path).body)
        if isinstance(node, ast.ClassDef) and _is_record(node)
        for field in _undescribed_fields(node)
    ]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_the_schema_tells_everything(table: Table) -> None:
    assert table.doc.endswith(".")
    assert len(set(table.names)) == len(table.names)
    for column in table:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert column.doc.endswith("."), column.name
        if column.name.endswith("_s"):
            assert column.kind in ("seconds", "integer"), column.name
        else:
            assert column.kind != "seconds", column.name
        is_time = column.name == "time" or column.name.endswith("_time")
        assert (column.kind == "time") == is_time, column.name


def test_the_change_log_knows_the_version() -> None:
    change_log = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {pipelines.__version__}" in change_log


# --- code ---------------------------------------------------------------------------------------


def _code_lines(node: Function) -> int:
    """Return the lines of a function without its decorators and its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node):
        text = node.body[0]
        lines -= (text.end_lineno or text.lineno) - text.lineno + 1
    return lines


def test_no_function_is_long() -> None:
    assert not [
        f"{_where(path, node)} {node.name}: {_code_lines(node)} lines"
        for path in _sources(*PACKAGES, "tests", "fixtures")
        for node in ast.walk(_tree(path))
        if isinstance(node, Function) and _code_lines(node) >= LONGEST_FUNCTION
    ]


def _catches_anything(handler: ast.ExceptHandler) -> bool:
    """Return whether a handler takes every exception and keeps it."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {_name(item) if item else "BaseException" for item in caught}
    last = handler.body[-1]
    passes_on = isinstance(last, ast.Raise) and last.exc is None
    return bool(names & {"Exception", "BaseException"}) and not passes_on


def test_no_handler_catches_everything() -> None:
    assert not [
        _where(path, node)
        for path in _sources(*PACKAGES)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ExceptHandler) and _catches_anything(node)
    ]


def _may_print(path: Path) -> bool:
    """Return whether a module is a command or part of one, or what the commands share."""
    if path in [CHECKOUT / "pipelines" / name for name in ("command.py", "explain_frame.py")]:
        return True
    body = _tree(path).body
    return path.parent.name == "pipelines" and any(
        isinstance(node, ast.FunctionDef) and node.name == "main" for node in body
    )


def test_only_commands_print() -> None:
    silent = (path for path in _sources(*PACKAGES) if not _may_print(path))
    assert not [
        _where(path, call) for path in silent for call in _calls(path) if _name(call) == "print"
    ]


# --- who may read files -------------------------------------------------------------------------

READS = {"read_bytes", "read_text", "fromfile", "memmap", "mmap", "pread"}
FILE_MODULES = {"bz2", "codecs", "gzip", "io", "lzma", "os", "tarfile", "zipfile"}


def _modes(call: ast.Call) -> list[str]:
    """Return the arguments of an ``open`` that are a mode."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    texts = [value.value for value in values if isinstance(value, ast.Constant)]
    return [text for text in texts if isinstance(text, str) and re.fullmatch("[rwxabt+]+", text)]


def _opens_a_file(call: ast.Call) -> bool:
    """Return whether this is ``open(…)``, ``gzip.open(…)`` or ``path.open(…)``.

    What else is opened (a sealed TLS record) takes arguments, and no mode.
    """
    if isinstance(call.func, ast.Name):
        return call.func.id == "open"
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("open", "fdopen"):
        return False
    bare = not call.args and not call.keywords
    return bare or bool(_modes(call)) or _name(call.func.value) in FILE_MODULES


def _reads_a_file(call: ast.Call) -> bool:
    if not _opens_a_file(call):
        return _name(call) in READS
    if any(_name(argument) == "O_WRONLY" for argument in call.args):
        return False
    return any("r" in mode or "+" in mode for mode in _modes(call) or ["r"])


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("open(path)", True),
        ("open(path, 'w')", False),
        ("path.open()", True),
        ("path.open('rb')", True),
        ("path.open('w', encoding='utf-8')", False),
        ("path.open(mode='r+b')", True),
        ("gzip.open(path)", True),
        ("os.open(os.devnull, os.O_WRONLY)", False),
        ("path.read_bytes()", True),
        ("np.memmap(path)", True),
        ("self._aead.open(nonce, sealed)", False),
    ],
)
def test_reading_is_recognised(code: str, reads: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert _reads_a_file(call) == reads


def test_only_ingest_reads_captures_and_keys() -> None:
    openers = [CHECKOUT / "pipelines" / name for name in ("ingest.py", "key_files.py")]
    assert not [
        _where(path, call)
        for path in _sources(*PACKAGES)
        for call in _calls(path)
        if path not in openers and _reads_a_file(call)
    ]


# --- what may be imported -----------------------------------------------------------------------


def _requirements() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    lines = setup["options"]["install_requires"].split()
    return {re.split("[<>=!~;\\[]", line)[0].lower() for line in lines}


def _imports_on_loading(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the top-level packages that a module imports when it is loaded."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Try):
            yield from _imports_on_loading(node.body)


# Asked for by name, by whoever has Scapy.
SCAPY_LAYERS = CHECKOUT / "dissectors" / "scapy_layers.py"


def test_loading_needs_only_the_core_dependencies() -> None:
    known = {*sys.stdlib_module_names, *PACKAGES, *_requirements()}
    assert not [
        f"{_where(path, node)} {name}"
        for path in _sources(*PACKAGES)
        if path != SCAPY_LAYERS
        for node, name in _imports_on_loading(_tree(path).body)
        if name not in known
    ]


# --- registries: adding a file is all it takes --------------------------------------------------

PLURALS: dict[str, Callable[[], set[str]]] = {
    "dissectors.bodies": lambda: {bodies[key].__module__ for key in bodies},
    "pipelines.analyses": lambda: {analyses[key].function.__module__ for key in analyses},
    "pipelines.rules": lambda: {rules[key].function.__module__ for key in rules},
    "pipelines.outputs": lambda: {outputs[key].__module__ for key in outputs},
}


@pytest.mark.parametrize("package", PLURALS)
def test_every_module_of_a_plural_folder_is_registered(package: str) -> None:
    folder = importlib.import_module(package)
    modules = {f"{package}.{found.name}" for found in pkgutil.iter_modules(folder.__path__)}
    assert modules
    assert modules == {name for name in PLURALS[package]() if name.startswith(package)}


@pytest.mark.parametrize("name", analyses)
def test_an_analysis_makes_and_needs_what_the_schema_knows(name: str) -> None:
    assert name in TABLES
    for it in analyses[name].needs.values():
        assert {*it.columns, *it.among} <= set(TABLES[it.table].names), it


@pytest.mark.parametrize("name", rules)
def test_a_rule_tells_itself_and_needs_what_the_schema_knows(name: str) -> None:
    one = rules[name]
    assert one.function.__module__ == f"pipelines.rules.{name}"
    assert one.doc.endswith(".")
    assert all(threshold.doc.endswith(".") for threshold in one.thresholds)
    for it in one.needs.values():
        assert {*it.columns, *it.among} <= set(TABLES[it.table].names), it


# --- what no file may hold ----------------------------------------------------------------------

UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
OF_THIS_MACHINE = re.compile(r"/(?:work|root|home)/\w|\bseeds? 00\d")
TEXTS = {".py", ".md", ".cfg", ".toml", ".yaml", ".ipynb", ""}


def _texts() -> list[Path]:
    folders = (*PACKAGES, "tests", "fixtures", "notebooks", "docs", ".ci")
    found = [path for folder in folders for path in (CHECKOUT / folder).rglob("*")]
    found += [path for path in CHECKOUT.glob("*") if path.name != ".git"]  # a worktree's is a file
    return [
        path
        for path in found
        if path.is_file() and path.suffix in TEXTS and path != Path(__file__).resolve()
    ]


@pytest.mark.parametrize("pattern", [UNFINISHED, OF_THIS_MACHINE], ids=["unfinished", "machine"])
def test_no_file_is_unfinished_or_tells_of_a_machine(pattern: re.Pattern[str]) -> None:
    assert not [
        f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}"
        for path in _texts()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_every_folder_of_tests_is_a_package() -> None:
    """Two test files of one name in different folders need it."""
    folders = {path.parent for path in _sources("tests")}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]
