"""Docstrings say what a reader needs to call a function: shapes of tensors, units of costs, errors and sources."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import sparx_dsl
from tests.support.paths import ROOT

PACKAGE = ROOT / "sparx_dsl"
FILES = sorted(PACKAGE.rglob("*.py"))

DIMENSIONS = (
    "batch|channels|out_channels|inner|heads|features|groups|sums|state|tokens|height|length|chunks|windows?|"
    r"[1-9]·|[1-9]\b|[A-Z]\b|…"
)
"""What a shape's first dimension may begin with."""
SHAPE = re.compile(
    rf"\(+(?:{DIMENSIONS})[^,]{{0,20}},"
    r"|\bscalars?\b"
    r"|\b(?:any|same|that|this|another|its|their|whose|\w+'s) (?:\w+ )?shapes?\b"
    r"|\b[Ss]hapes? (?:of|as|are|that)\b"
)
"""A shape such as ``(batch, channels, height, width)``, or words for one that is free or is another's."""
TENSORS = {"Tensor", "FakeTensor"}

QUANTITIES = {
    "bytes": r"\bbytes?\b|[KMG]iB",
    "peak": r"\bbytes?\b",
    "macs": r"\bMACs?\b|[Mm]ultiply-accumulates?",
    "flops": r"\bFLOPs?\b",
    "params": r"\b[Pp]arameters?\b",
}
"""What a word in a function's name measures, and the unit as its docstring may write it."""
COSTS = {"Price", "Prices", "Totals", "Cost", "PartCost", "LayerCost", "BatchPrices"}
UNIT_OF_COST = "|".join(QUANTITIES.values())

UNDECLARED = {"NotImplementedError", "AssertionError", "Exit"}
"""What a base class raises for its heirs, what says that the code is wrong, and how a command stops."""

DEFINITIONS = ("kinds/*/*/module.py", "kinds/fusions/aggregator.py", "kinds/mixers/sequence_scan.py", "graph/rule.py",
               "ops/selective_scan.py", "ops/reference.py", "ops/linear_recurrence.py")  # fmt: skip
"""The files that say what the papers' modules, their scans and the connection rule compute."""
SOURCE = re.compile(
    r"\b[A-Z]\w+ (?:et al\. |and [A-Z]\w+ )?(?:19|20)\d\d\b"
    r"|\b(?:SparX|Swin|V?Mamba|Vim)(?:-Mamba)?\b[^.]{0,60}?"
    r"\b(?:(?:section|equation|figure|algorithm|table) \d|released)"
)
"""A paper by its authors and year, or by its name with the place in it; or the code that a model's authors released."""


@dataclass(frozen=True)
class Public:
    """A public function or method, or a class with its fields: its name, its syntax, and the docstrings on it."""

    name: str
    node: ast.FunctionDef | ast.ClassDef
    docs: str


def docstring(node: ast.FunctionDef | ast.ClassDef) -> str:
    """The docstring on one line, of a class with those of its fields; empty where there is none."""
    fields = [each.value.value for each in node.body[1:] if isinstance(each, ast.Expr)
              and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str)]  # fmt: skip
    return " ".join(" ".join([ast.get_docstring(node) or "", *fields]).split())


def public_functions(path: Path) -> Iterator[Public]:
    """The public functions of a file and of its public classes, whose docstrings speak for their methods too.

    The constructor and the call are public by their class.
    """
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield Public(node.name, node, docstring(node))
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in (each for each in node.body if isinstance(each, ast.FunctionDef)):
                if not method.name.startswith("_") or method.name in ("__init__", "__post_init__", "__call__"):
                    yield Public(f"{node.name}.{method.name}", method, f"{docstring(node)} {docstring(method)}")


def tensor_classes(path: Path) -> Iterator[Public]:
    """The public classes of values in a file, named tuples and dataclasses, that hold tensors."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and is_value(node):
            fields = [each.annotation for each in node.body if isinstance(each, ast.AnnAssign)]
            if any(mentioned(each) & TENSORS for each in fields):
                yield Public(node.name, node, docstring(node))


def is_value(node: ast.ClassDef) -> bool:
    """Whether a class is a dataclass or a named tuple."""
    marks = [ast.unparse(each) for each in (*node.decorator_list, *node.bases)]
    return any(mark.startswith(("dataclass", "NamedTuple")) for mark in marks)


def mentioned(annotation: ast.expr) -> set[str]:
    """The names in an annotation, but for the parameters of a callable, which has a contract of its own."""
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "Callable":
        return set()
    own = {annotation.id} if isinstance(annotation, ast.Name) else set[str]()
    own |= {annotation.attr} if isinstance(annotation, ast.Attribute) else set()
    return own.union(*(mentioned(each) for each in ast.iter_child_nodes(annotation) if isinstance(each, ast.expr)))


@cache
def tensor_types() -> set[str]:
    """A tensor, and what the package names after several: named tuples of them, and other names for their types."""
    classes = [each.node for path in FILES for each in tensor_classes(path)]
    found = TENSORS | {node.name for node in classes if isinstance(node, ast.ClassDef)
                       and "NamedTuple" in map(ast.unparse, node.bases)}  # fmt: skip
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and mentioned(node.value) & TENSORS and "Callable" not in ast.unparse(node):
                found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def annotations_of(function: ast.FunctionDef) -> list[ast.expr]:
    """The annotations of a function's parameters and result."""
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [each for each in (*(one and one.annotation for one in every), function.returns) if each is not None]


def without_shapes(path: Path) -> list[str]:
    """The functions and classes of a file that have tensors and say no shape."""
    functions = [each for each in public_functions(path) if isinstance(each.node, ast.FunctionDef)
                 and any(mentioned(one) & tensor_types() for one in annotations_of(each.node))]  # fmt: skip
    return [f"line {each.node.lineno}: {each.name} says no shape"
            for each in (*functions, *tensor_classes(path)) if not SHAPE.search(each.docs)]  # fmt: skip


def units_of(function: ast.FunctionDef) -> list[str]:
    """The units that a docstring must name for what a function returns, as patterns; any one for a whole cost."""
    returned = mentioned(function.returns) if function.returns is not None else set[str]()
    named = [QUANTITIES[word] for word in function.name.split("_") if word in QUANTITIES]
    return named if named and returned & {"int", "float", "bool"} else [UNIT_OF_COST] * bool(returned & COSTS)


def without_units(path: Path) -> list[str]:
    """The functions of a file that return a cost and do not say in what."""
    return [f"line {each.node.lineno}: {each.name} names no unit" for each in public_functions(path)
            if isinstance(each.node, ast.FunctionDef)
            and not all(re.search(unit, each.docs) for unit in units_of(each.node))]  # fmt: skip


def makers(*paths: Path) -> dict[str, str]:
    """The functions of files that return an exception for others to raise, and its name."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    made = [(node.name, ast.unparse(node.returns)) for tree in trees for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.returns is not None]  # fmt: skip
    return {name: result for name, result in made if result.endswith(("Error", "Exception"))}


@cache
def all_makers() -> dict[str, str]:
    """Those of the package."""
    return makers(*FILES)


def raised_by(function: ast.FunctionDef | ast.ClassDef, known: dict[str, str]) -> Iterator[str]:
    """The exceptions that a function's body makes and raises, by name; ``known`` are the functions that make one."""
    pending: list[ast.AST] = [*function.body]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise) and node.exc is not None:
            name = ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc).rpartition(".")[2]
            if isinstance(node.exc, ast.Call) or name[0].isupper():
                yield known.get(name, name)
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            pending += ast.iter_child_nodes(node)


def without_errors(path: Path) -> list[str]:
    """The functions of a file that raise an exception of their own, not one that they pass on, and do not name it."""
    known = all_makers() | makers(path)
    return [f"line {each.node.lineno}: {each.name} raises {name}" for each in public_functions(path)
            for name in sorted({*raised_by(each.node, known)} - UNDECLARED) if name not in each.docs]  # fmt: skip


@pytest.mark.parametrize("check", [without_shapes, without_units, without_errors])
def test_docstrings_are_complete(check: Callable[[Path], list[str]]) -> None:
    """Every public function and class, or the class of a method, says its shapes, units and errors."""
    found = {path.relative_to(ROOT).as_posix(): lines for path in FILES if (lines := check(path))}
    assert found == {}


def test_definitions_name_their_sources() -> None:
    """The docstring at the head of a file that follows a paper says which one, and where in it."""
    files = [path for pattern in DEFINITIONS for path in PACKAGE.glob(pattern)]
    assert len(files) > 20
    docs = {path: " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split())
            for path in files}  # fmt: skip
    assert [path.relative_to(ROOT).as_posix() for path, text in docs.items() if not SOURCE.search(text)] == []


@pytest.mark.parametrize("name", sorted({*sparx_dsl.__all__} - {"__version__", "search"}))
def test_public_names_have_docstrings(name: str) -> None:
    """Every exported function and class, and every public method and property of these classes."""
    value = getattr(sparx_dsl, name)
    assert inspect.getdoc(value)
    own = vars(value).items() if inspect.isclass(value) and value.__module__.startswith("sparx_dsl") else ()
    methods = [(key, found) for key, found in own if inspect.isfunction(found) or isinstance(found, property)]
    assert [key for key, found in methods if not key.startswith("_") and not inspect.getdoc(found)] == []


PLANTED = [
    (without_shapes, 'def f(x: Tensor) -> int:\n    """Counts, where shapes match."""', "line 1: f says no"),
    (without_shapes, 'def f(*, x: dict[str, Tensor] | None) -> None:\n    """Reads (all, of it)."""', "line 1: f"),
    (without_shapes, 'class A:\n    """A."""\n    def f(self) -> Map:\n        """B."""', "line 3: A.f says no"),
    (without_shapes, '@dataclass(frozen=True)\nclass A:\n    """A."""\n    x: Tensor', "line 2: A says no shape"),
    (without_units, 'def saved_bytes() -> int:\n    """What is saved."""', "line 1: saved_bytes names no unit"),
    (without_units, 'def f(x: str) -> tuple[int, Price]:\n    """The price."""', "line 1: f names no unit"),
    (without_errors, 'def f():\n    """Reads."""\n    if 1:\n        raise KeyError(1)', "line 1: f raises Key"),
    (without_errors, 'def m() -> OSError: ...\ndef f():\n    """F."""\n    raise m()', "line 2: f raises OS"),
    (without_errors, "class A:\n    def __init__(self):\n        raise ValueError", "line 2: A.__init__ raises"),
]


@pytest.mark.parametrize(("check", "source", "seen"), PLANTED)
def test_a_silent_docstring_is_seen(check: Callable[[Path], list[str]], source: str, seen: str, tmp_path: Path) -> None:
    """Of a function, a method and a class of values; of an error that another function makes."""
    path = tmp_path / "planted.py"
    path.write_text(source, encoding="utf-8")
    assert [line[: len(seen)] for line in check(path)] == [seen]


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (without_shapes, 'def f(x: Tensor) -> Tensor:\n    """(batch, channels, length) to a scalar."""'),
        (without_shapes, 'class A:\n    """(batch, C, tokens)."""\n    def f(self, x: Tensor):\n        """B."""'),
        (without_shapes, 'def f(x: Callable[[Tensor], Tensor]) -> None:\n    """Calls."""'),
        (without_units, 'def peak_bytes() -> int:\n    """The most bytes."""'),
        (without_units, 'def write_bytes(content: bytes) -> None:\n    """Writes."""'),
        (without_errors, 'def f() -> None:\n    """Raises ``ValueError``."""\n    raise ValueError("no")'),
        (without_errors, 'def f() -> None:\n    """F."""\n    try:\n        g()\n    except OSError:\n        raise'),
    ],
)
def test_a_complete_docstring_is_not_seen(check: Callable[[Path], list[str]], source: str, tmp_path: Path) -> None:
    """What says its shapes, units and errors, or has none."""
    path = tmp_path / "planted.py"
    path.write_text(source, encoding="utf-8")
    assert check(path) == []
