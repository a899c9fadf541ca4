"""The faults of mutation testing: of every kind, each one change that still is Python."""

from __future__ import annotations

import ast

from tests.campaign.mutants import count_mutants, mutant
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


def test_the_rooms_have_tests() -> None:
    """Files that are renamed are renamed there too."""
    for room, names in ROOMS.items():
        assert (ROOT / "sparx_dsl" / room).is_dir()
        assert [name for name in names if not (ROOT / "tests" / f"test_{name}.py").is_file()] == []
