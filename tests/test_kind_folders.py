"""A kind is one folder: nothing else in the package knows it but its line in the registry, and the defaults."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparx_dsl.kind import Kind
from sparx_dsl.registry import builtin_kinds
from tests.support.paths import ROOT

PACKAGE = ROOT / "sparx_dsl"
TEXTS = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}

LISTS = (PACKAGE / "registry.py", PACKAGE / "language" / "defaults.py")
EXAMPLES = {*PACKAGE.glob("errors/catalogue/*.py"), *PACKAGE.glob("kinds/**/codes.py")}
"""What explains codes shows specs, and a spec names kinds. Classes stand there no more than elsewhere."""
OPERATORS = {path for path in TEXTS if path.is_relative_to(PACKAGE / "ops")} | {PACKAGE / "measuring" / "tune.py"}
"""The operators have names of their own, and one of them that of the mixer that it was written for; it can be tuned."""

EVERYDAY = {"attention", "concat", "conv", "depthwise", "linear", "merge", "mlp", "none", "overlapping", "patch"}
"""Names that are words of the field besides: as a string they may mean something else."""


def folder_of(kind: Kind) -> Path:
    """Where the kind stands."""
    return PACKAGE / "kinds" / f"{kind.role}s" / kind.name


def classes_of(kind: Kind) -> list[str]:
    """Its options and the classes of its modules."""
    files = folder_of(kind).glob("*.py")
    trees = [ast.parse(TEXTS[path]) for path in files if path.name != "cost.py"]
    return [node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]


def mentions(words: list[str], text: str) -> Iterator[str]:
    """The lines of a text that have one of these words as a whole."""
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])")
    return (line.strip() for line in text.splitlines() if pattern.search(line))


def strangers(kind: Kind) -> list[str]:
    """Every line outside a kind's folder that knows the kind by one of its classes, or by a name that is its own."""
    classes, named = classes_of(kind), [] if kind.name in EVERYDAY else [kind.name]
    found: list[str] = []
    for path, text in TEXTS.items():
        if folder_of(kind) in path.parents or path in LISTS or path in OPERATORS:
            continue
        words = classes if path in EXAMPLES else classes + named
        found += [f"{path.relative_to(PACKAGE)}: {line}" for line in mentions(words, text)]
    return found


@pytest.mark.parametrize("kind", list(builtin_kinds()), ids=lambda kind: f"{kind.role}-{kind.name}")
def test_nothing_but_its_folder_knows_a_kind(kind: Kind) -> None:
    """Neither its options, nor its modules, nor its name."""
    assert classes_of(kind)
    assert strangers(kind) == []


def test_the_paper_s_fusion_is_named_in_its_folder_only() -> None:
    """In no case and no form, nor in the code that is not Python."""
    (kind,) = (kind for kind in builtin_kinds() if kind.name == "dmca")
    files = [path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".c", ".h")]
    naming = {path for path in files if re.search(kind.name, path.read_text(encoding="utf-8"), re.IGNORECASE)}
    assert {path for path in naming if folder_of(kind) not in path.parents} == {*LISTS}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("if isinstance(fusion, TokenCrossAttention):", True),
        ('TITLES = {"sca": "SCA"}', True),
        ('"""As in SCA."""', True),
        ("scaled = sca_le(scale)", False),
        ("from sparx_dsl.kinds.fusions.sca.module import build", True),
    ],
)
def test_a_mention_is_seen(text: str, seen: bool) -> None:
    """A class, a table, a docstring and an import are mentions, and a part of another word is none."""
    (kind,) = (kind for kind in builtin_kinds() if kind.name == "sca")
    assert bool(list(mentions([*classes_of(kind), kind.name], text))) == seen
