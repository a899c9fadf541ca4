"""The faults of mutation testing: of every kind, each one change that still is Python."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

from tests.campaign.mutants import count_mutants, mutant
from tests.campaign.reached import CallLog
from tests.campaign.rooms import ROOMS
from tests.support.paths import ROOT

SOURCE = '''\
def f(values: list[int], limit: int = 3) -> bool:
    """What it does."""
    if not values and limit >= 2:
        raise ValueError(f"{limit + 1} values")
    for value, _ in zip(values, values, strict=True):
        limit += 1
        found = value if value in (4, 5) else limit * 2
    assert limit > 1
    return True
'''
FAULTS = {
    "not values or limit >= 2 for not values and limit >= 2", "its opposite for not values", "limit > 2 for limit >= 2",
    "3 for 2", "without raise ValueError(f'{limit + 1} values')", "without limit += 1", "2 for 1",
    "limit * 2 if value in (4, 5) else value for value if value in (4, 5) else limit * 2",
    "value not in (4, 5) for value in (4, 5)", "5 for 4", "6 for 5", "limit // 2 for limit * 2",
    "None for return True", "False for True",
}  # fmt: skip


def test_every_kind_of_fault_is_made_once() -> None:
    """Texts, annotations, defaults, docstrings, assertions and ``strict`` stay."""
    made = [mutant(SOURCE, number) for number in range(count_mutants(SOURCE))]
    assert {each.fault for each in made} == FAULTS
    assert {ast.unparse(each.tree) for each in made}.isdisjoint({ast.unparse(ast.parse(SOURCE))})
    assert len({ast.unparse(each.tree) for each in made}) == len(made)


KEPT = """\
import functools

@functools.cache
def kept() -> int:
    return 1

def called() -> int:
    return kept()

def never() -> int:
    return 2
"""


def test_a_fault_is_given_to_the_tests_that_can_find_it(tmp_path: Path) -> None:
    """Those that call its function; all where it keeps its results, and so is called in the first test alone."""
    file = tmp_path / "module.py"
    file.write_text(KEPT)
    made, log = runpy.run_path(str(file)), CallLog(tmp_path)
    for number, call in enumerate((made["called"], made["called"], int)):
        with log.test(number):
            call()
    lines = {name: KEPT[: KEPT.index(f"def {name}")].count("\n") + 2 for name in ("kept", "called", "never")}
    found = {name: sorted(log.tests_of(file, line, 100)[0]) for name, line in lines.items()}
    assert found == {"kept": [0, 1, 2], "called": [0, 1], "never": []}


def test_the_rooms_have_tests() -> None:
    """Files that are renamed are renamed there too."""
    for room, names in ROOMS.items():
        assert (ROOT / "sparx_dsl" / room).is_dir()
        assert [name for name in names if not (ROOT / "tests" / f"test_{name}.py").is_file()] == []
