"""The public names: one table of where each comes from, imported late; and modules that no name of a parent hides."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import sparx_dsl

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sparx_dsl"


def typing_imports() -> dict[str, str]:
    """For each name that ``sparx_dsl/__init__.py`` imports for type checkers the module that it is imported from."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    found: dict[str, str] = {}
    for node in (node for block in blocks for node in block.body):
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname in (None, alias.name)
            found[alias.name] = f"sparx_dsl.{alias.name}" if node.module == "sparx_dsl" else f"{node.module}"
    return found


def imported(code: str) -> set[str]:
    """The packages, besides the standard library, that a process of its own imports for that code."""
    script = (
        f"import sys\nbefore = {{*sys.modules}}\n{code}\n"
        "import json\nsys.stderr.write(json.dumps([*sys.modules.keys() - before]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name.partition(".")[0] for name in json.loads(done.stderr)} - set(sys.stdlib_module_names)


def test_every_list_of_public_names_says_the_same() -> None:
    """The table, ``__all__``, ``dir()`` and the imports for type checkers."""
    assert typing_imports() == sparx_dsl.MODULES
    assert {*sparx_dsl.MODULES, "__version__"} == set(sparx_dsl.__all__)
    assert sorted(sparx_dsl.__all__) == dir(sparx_dsl)
    assert len(set(sparx_dsl.__all__)) == len(sparx_dsl.__all__)


@pytest.mark.parametrize("name", sorted(sparx_dsl.MODULES))
def test_a_public_name_is_what_its_module_has(name: str) -> None:
    """Each name resolves, to the module itself or to what the module calls so."""
    module = importlib.import_module(sparx_dsl.MODULES[name])
    expected = module if module.__name__ == f"sparx_dsl.{name}" else vars(module)[name]
    assert getattr(sparx_dsl, name) is expected


def test_any_other_name_is_refused() -> None:
    """As by every module."""
    with pytest.raises(AttributeError, match="module 'sparx_dsl' has no attribute 'buld'"):
        getattr(sparx_dsl, "buld")  # noqa: B009
    with pytest.raises(ImportError, match="buld"):
        importlib.import_module("sparx_dsl.buld")


def test_the_package_imports_no_other() -> None:
    """Neither its own rooms nor any other package, until a name is asked for."""
    assert {"sparx_dsl"} == imported("import sparx_dsl")
    assert "pydantic" in imported("import sparx_dsl\nsparx_dsl.Spec")


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--version"], {"pydantic", "yaml", "networkx", "rich", "torch"}),
        (["explain", "SPX106"], {"networkx", "rich", "torch", "optuna"}),
        (["check", "specs/sparx_mamba_t.yaml"], {"graphviz", "rich", "torch", "optuna"}),
        (["cost", "specs/sparx_mamba_t.yaml"], {"graphviz", "torch", "optuna"}),
        (["compile", "specs/sparx_mamba_t.yaml"], {"graphviz", "optuna"}),
    ],
    ids=["version", "code", "check", "cost", "compile"],
)
def test_a_command_imports_what_it_needs(arguments: list[str], unused: set[str]) -> None:
    """networkx is there for graphs only, tables and torch for what shows or runs them, Optuna for searches."""
    code = f"from sparx_dsl.cli.main import main\nsys.argv[1:] = {arguments!r}\ntry: main()\nexcept SystemExit: pass"
    assert set() == imported(code) & unused


# mmengine and torchvision script functions when they are imported.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_no_module_is_hidden_by_a_name_of_its_package() -> None:
    """``import a.b.c as m`` and ``from a.b import c`` give the same module, for every module of the package."""
    paths = [path.relative_to(ROOT).with_suffix("") for path in PACKAGE.rglob("*.py") if path.stem != "__main__"]
    names = sorted(".".join(path.parts).removesuffix(".__init__") for path in paths)
    modules = {name: importlib.import_module(name) for name in names}
    hidden: set[str] = set()
    for name, module in modules.items():
        parent, _, last = name.rpartition(".")
        if parent and getattr(modules[parent], last) is not module:
            hidden.add(name)
    assert hidden == set()
    assert len(modules) > 200
