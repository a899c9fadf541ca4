"""The rules of the house: which room imports which, how long a file may be, what no file may do."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT, TESTS

PACKAGE = ROOT / "sparx_dsl"
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 300

SPEC_ROOMS = {"errors", "reader", "language", "kind", "registry", "graph", "schedule"}
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "reader": {"errors", "yaml"},
    "language": {"errors", "reader", "kind", "registry", "pydantic", "pydantic_core", "yaml", "ruamel"},
    "kind": {"language"},
    "installed": {"errors", "kind", "language"},
    "registry": {"errors", "installed", "kind", "language"},
    "codes": {"errors", "kind", "language", "registry"},
    # Options and costs do without torch; see below.
    "kinds": {"errors", "language", "kind", "pricing", "nn", "ops", "pydantic", "torch"},
    # Training knows nothing of inference.
    "kinds/inference": {"kinds", "inference", "nn", "ops", "torch"},
    "graph": {"errors", "language", "registry", "networkx"},
    "schedule": {"errors", "language", "registry", "graph"},
    "pricing": SPEC_ROOMS,
    "paper": {*SPEC_ROOMS, "pricing", "render", "pydantic"},
    "render": {*SPEC_ROOMS, "pricing", "graphviz", "matplotlib", "rich"},
    "html_report": {*SPEC_ROOMS, "pricing", "render", "search", "jinja2", "markupsafe", "optuna"},
    # What mamba-ssm brings is looked for only where its backend is asked for by name.
    "ops": {"errors", "torch", "triton", "selective_scan_cuda"},
    "nn": {"language", "ops", "torch"},
    "lowering": {*SPEC_ROOMS, "pricing", "nn", "torch"},
    # What deployment knows of a kind, that kind states itself.
    "inference": {*SPEC_ROOMS, "nn", "ops", "lowering", "torch"},
    # Pillow reads the images of a folder.
    "analysis": {*SPEC_ROOMS, "render", "lowering", "inference", "torch", "numpy", "PIL"},
    "weights": {*SPEC_ROOMS, "render", "kinds", "nn", "lowering", "inference", "torch", "safetensors"},
    # timm is what backbones are measured beside.
    "measuring": {*SPEC_ROOMS, "paper", "pricing", "render", "lowering", "inference", "integrations", "ops", "torch",
                  "timm"},
    # ONNX's packages and ExecuTorch's are imported when that format is asked for.
    "exporting": {*SPEC_ROOMS, "lowering", "ops", "render", "torch", "onnx", "onnxruntime",
                  "executorch"},
    # Hypothesis is for users' own tests, Optuna and Ray for studies: each is imported when it is asked for.
    "search": {*SPEC_ROOMS, "pricing", "render", "lowering", "weights", "pydantic", "rich",
               "hypothesis", "numpy", "optuna", "filelock", "ray"},
    # Each of its modules imports the library that it is for, and is imported by who asks for it.
    "integrations": {"errors", "language", "schedule", "nn", "lowering", "weights", "torch", "timm", "torchvision",
                     "transformers", "mmengine"},
    "cli": {"typer"},
}  # fmt: skip
"""For each room the rooms and installed packages that it may import, besides itself and the standard library."""

TORCH_ROOMS = {
    "ops", "nn", "measuring", "lowering", "inference", "weights", "analysis", "exporting", "integrations",
}  # fmt: skip
TORCH_FREE_FILES = {"__init__.py", "options.py", "cost.py", "codes.py", "checkpoint.py", "feature_axes.py",
                    "diagram.py"}  # fmt: skip
"""The files of a kind that are read without torch."""
PUBLIC_READERS = {"integrations", "weights", "cli"}
"""The rooms that may import the public names of ``sparx_dsl`` itself."""
NEVER_CALLED = {"eval", "exec", "compile", "__import__", "import_module"}


@dataclass(frozen=True)
class Import:
    """One imported name: the module's dotted path, the line, and whether it is imported when the file is."""

    module: str
    line: int
    early: bool


def imports(tree: ast.AST, *, early: bool = True) -> Iterator[Import]:
    """Every import below a node; those in functions and under ``if TYPE_CHECKING`` are not early."""
    for node in ast.iter_child_nodes(tree):
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, early) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (Import(f"{node.module}.{alias.name}", node.lineno, early) for alias in node.names)
        else:
            yield from imports(node, early=early and not typing_only and not lazy)


def room_of(path: Path) -> str | None:
    """The room that a file stands in; None for the files beside the rooms."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    first = next(iter(parts))
    if first == "kinds" and parts[-1] == "inference":
        return "kinds/inference"
    return first if len(parts) > 1 or first in ROOMS else None


def strangers(text: str, room: str) -> list[str]:
    """What a file of that room imports and must not."""
    wrong: list[str] = []
    for found in imports(ast.parse(text)):
        first, *rest = found.module.split(".")
        if first in sys.stdlib_module_names:
            continue
        # The public names are what ``sparx_dsl`` itself exports; a room's name is no public name.
        public = first == "sparx_dsl" and (not rest or rest[0] not in ROOMS)
        target = rest[0] if first == "sparx_dsl" and not public else first
        allowed = room in PUBLIC_READERS if public else target == room or target in ROOMS[room]
        if not allowed:
            wrong.append(f"line {found.line}: {found.module}")
    return wrong


def called(text: str) -> list[str]:
    """The calls in a file by which a text could become code or a module."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    names = [
        (call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func), call) for call in calls
    ]
    # ``re.compile`` makes a pattern, not code, and ``torch.compile`` takes a module, not a text.
    return [f"line {call.lineno}: {ast.unparse(call.func)}" for name, call in names
            if name in NEVER_CALLED and ast.unparse(call.func) not in ("re.compile", "torch.compile")]  # fmt: skip


@cache
def text_of(path: Path) -> str:
    """What a file holds."""
    return path.read_text(encoding="utf-8")


def faults(paths: Iterable[Path], check: Callable[[Path], list[str]]) -> dict[str, list[str]]:
    """What a check finds in files, by the file; nothing of those in which it finds nothing."""
    return {path.relative_to(ROOT).as_posix(): found for path in paths if (found := check(path))}


def test_every_room_is_in_the_table() -> None:
    """There is no folder in the package that the table does not speak of."""
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert rooms <= set(ROOMS)


def test_a_room_imports_what_the_table_allows() -> None:
    """Each file imports only from the rooms and packages that its room may use, lazily or not."""
    rooms = {path: room for path in FILES if (room := room_of(path)) is not None}
    assert faults(rooms, lambda path: strangers(text_of(path), rooms[path])) == {}


def test_the_files_beside_the_rooms_import_torch_late() -> None:
    """The public API imports torch, and the rooms that need it, in functions or for types only."""
    for path in (path for path in FILES if room_of(path) is None):
        early = [found.module for found in imports(ast.parse(text_of(path))) if found.early]
        rooms = {module.split(".")[1] if module.startswith("sparx_dsl.") else module.split(".")[0] for module in early}
        assert not rooms & {*TORCH_ROOMS, "torch"}, path


def test_modules_do_not_import_each_other_in_circles() -> None:
    """No module imports another that imports it in turn, be it lazily or for types only.

    The package itself has its public names from everywhere, and stands outside. A circle fails the test with its
    modules.
    """
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}
    needs: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for found in imports(ast.parse(text_of(path))):
            target = found.module if found.module in modules else found.module.rpartition(".")[0]
            if target in modules and target != "sparx_dsl":
                needs[name].add(target)
    assert sum(map(len, needs.values())) > 500
    TopologicalSorter(needs).prepare()


def test_kinds_are_read_without_torch() -> None:
    """What a spec can set, and what it costs, is told by files that import neither torch nor the rooms that need it."""
    for path in (path for path in FILES if room_of(path) == "kinds" and path.name in TORCH_FREE_FILES):
        modules = [each.module for each in imports(ast.parse(text_of(path)))]
        assert not {part for module in modules for part in module.split(".")} & {*TORCH_ROOMS, "torch"}, path


@pytest.mark.parametrize(
    ("room", "text", "line"),
    [
        ("language", "import torch\n", "line 1: torch"),
        ("language", "import os\nfrom sparx_dsl.graph import connect\n", "line 2: sparx_dsl.graph.connect"),
        ("errors", "def f():\n    import yaml\n", "line 2: yaml"),
        ("graph", "from sparx_dsl import lowering\n", "line 1: sparx_dsl.lowering"),
        ("schedule", "if TYPE_CHECKING:\n    from torch import nn\n", "line 2: torch.nn"),
        ("render", "class A:\n    from sparx_dsl.nn.norm import make_norm\n", "line 2: sparx_dsl.nn.norm.make_norm"),
        ("cli", "from sparx_dsl.graph import connect\n", "line 1: sparx_dsl.graph.connect"),
        ("nn", "import sparx_dsl\n", "line 1: sparx_dsl"),
        ("kinds", "import sparx_dsl.inference.deploy\n", "line 1: sparx_dsl.inference.deploy"),
        ("inference", "from sparx_dsl.kinds import ffns\n", "line 1: sparx_dsl.kinds.ffns"),
    ],
)
def test_a_forbidden_import_is_seen(room: str, text: str, line: str) -> None:
    """The walk over imports finds what the table forbids, wherever in the file it stands."""
    assert strangers(text, room) == [line]


def borrowed(text: str) -> list[str]:
    """What a file imports of test modules, or by a name that depends on the folder from which the tests run."""
    wrong: list[str] = []
    for found in imports(ast.parse(text)):
        first, *rest = found.module.split(".")
        loose = first.startswith("test_") or first in {path.stem for path in TESTS.glob("support/*.py")}
        if loose or first == "conftest" or (first == "tests" and rest[:1] not in (["support"], ["campaign"])):
            wrong.append(f"line {found.line}: {found.module}")
    return wrong


def test_no_test_imports_a_test() -> None:
    """What tests share stands in ``tests.support`` or ``tests.campaign`` and is imported from there, by that name."""
    assert faults(sorted(TESTS.rglob("*.py")), lambda path: borrowed(text_of(path))) == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("from tests.test_weights import small\n", "line 1: tests.test_weights.small"),
        ("def f():\n    from test_modes import mixed\n", "line 2: test_modes.mixed"),
        ("from tests import test_modes\n", "line 1: tests.test_modes"),
        ("import strategies\n", "line 1: strategies"),
        ("import conftest\n", "line 1: conftest"),
    ],
)
def test_a_borrowed_test_is_seen(text: str, line: str) -> None:
    """The walk over imports finds a test module under each of its names."""
    assert borrowed(text) == [line]


def test_a_file_stays_readable() -> None:
    """No file grows past 300 lines, of the package or of its tests."""
    assert faults([*FILES, *sorted(TESTS.rglob("*.py"))], lambda path: text_of(path).splitlines()[MOST_LINES:]) == {}


def test_no_text_becomes_code() -> None:
    """Nothing is evaluated, executed or imported by name.

    But for the public names, for the registered kinds, and for objectives, which users name on their own command line
    and in no file.
    """
    by_name = ("__init__.py", "kind.py", "search/studies/objectives.py")
    others = [path for path in FILES if path.relative_to(PACKAGE).as_posix() not in by_name]
    assert faults(others, lambda path: called(text_of(path))) == {}


@pytest.mark.parametrize(
    "text",
    ["eval('1')", "exec(x)", "__import__('os')", "import importlib\nimportlib.import_module('os')",
     "compile(x, '', 'exec')", "builtins.eval('1')", "f(lambda: [eval(a) for a in b])"],
)  # fmt: skip
def test_a_forbidden_call_is_seen(text: str) -> None:
    """The walk over calls finds every way in; ``model.eval()`` of torch is not written in this package."""
    assert len(called(text)) == 1
