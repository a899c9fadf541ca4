"""Small faults in Python source, one at a time: another comparison, operator, constant or condition; a result or a
statement that is left out.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import cast

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.Sub, ast.LShift: ast.RShift,
}  # fmt: skip
"""No ``|``, which joins types too."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: where it is, what it is, and the whole file with it, where every line has the number that it had."""

    line: int
    fault: str
    tree: ast.Module


def count_mutants(source: str) -> int:
    """How many faults can be put into a file's functions; those in annotations, assertions and texts are left out."""
    return sum(1 for _ in _places(ast.parse(source)))


def mutant(source: str, number: int) -> Mutant:
    """The source with the fault of that number, from 0."""
    tree = ast.parse(source)
    place = next(islice(_places(tree), number, None))
    fault = place.change()
    return Mutant(place.line, fault, ast.fix_missing_locations(tree))


@dataclass(frozen=True, slots=True)
class _Place:
    line: int
    change: Callable[[], str]
    """Puts the fault into the tree that the place was found in, and says what it is."""


def _places(tree: ast.Module) -> Iterator[_Place]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for statement in function.body:
                yield from _in_statement(function.body, statement)


def _in_statement(body: list[ast.stmt], statement: ast.stmt) -> Iterator[_Place]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Assert | ast.Import | ast.ImportFrom):
        return
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return  # a docstring
    if isinstance(statement, ast.Expr | ast.AugAssign | ast.Raise | ast.Continue | ast.Break):
        yield _Place(statement.lineno, lambda: _left_out(body, statement))
    if isinstance(statement, ast.Return) and ast.unparse(statement) not in ("return", "return None"):
        yield _Place(statement.lineno, lambda: _without_result(statement))
    for name, value in ast.iter_fields(statement):
        if name != "annotation":
            yield from _in_field(value)


def _in_field(value: object) -> Iterator[_Place]:
    for each in cast("list[object]", value) if isinstance(value, list) else [value]:
        if isinstance(each, ast.stmt):
            yield from _in_statement(cast("list[ast.stmt]", value), each)
        elif isinstance(each, ast.ExceptHandler | ast.match_case):
            for inner in each.body:
                yield from _in_statement(each.body, inner)
        elif isinstance(each, ast.expr | ast.withitem | ast.keyword):
            yield from _in_expression(each)


def _in_expression(expression: ast.AST) -> Iterator[_Place]:
    if isinstance(expression, ast.JoinedStr) or (isinstance(expression, ast.keyword) and expression.arg == "strict"):
        return  # a text, or an assertion that what is zipped has one length
    place = _of_expression(expression)
    if place is not None:
        yield place
    for child in ast.iter_child_nodes(expression):
        yield from _in_expression(child)


def _of_expression(node: ast.AST) -> _Place | None:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        return _Place(node.lineno, lambda: _compared(node))
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return _Place(node.lineno, lambda: _computed(node))
    if isinstance(node, ast.BoolOp):
        return _Place(node.lineno, lambda: _joined(node))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _Place(node.lineno, lambda: _not_negated(node))
    if isinstance(node, ast.IfExp):
        return _Place(node.lineno, lambda: _exchanged(node))
    if isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        return _Place(node.lineno, lambda: _other_constant(node))
    return None


def _left_out(body: list[ast.stmt], statement: ast.stmt) -> str:
    said = ast.unparse(statement).splitlines()[0]
    body[body.index(statement)] = ast.copy_location(ast.Pass(), statement)
    return f"without {said}"


def _without_result(statement: ast.Return) -> str:
    said = ast.unparse(statement).splitlines()[0]
    statement.value = ast.Constant(None)
    return f"None for {said}"


def _compared(node: ast.Compare) -> str:
    before = ast.unparse(node)
    node.ops[0] = COMPARISONS[type(node.ops[0])]()
    return f"{ast.unparse(node)} for {before}"


def _computed(node: ast.BinOp) -> str:
    before = ast.unparse(node)
    node.op = OPERATORS[type(node.op)]()
    return f"{ast.unparse(node)} for {before}"


def _joined(node: ast.BoolOp) -> str:
    before = ast.unparse(node)
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return f"{ast.unparse(node)} for {before}"


def _not_negated(node: ast.UnaryOp) -> str:
    before = ast.unparse(node)
    node.operand = ast.UnaryOp(ast.Not(), copy.copy(node.operand))
    return f"its opposite for {before}"


def _exchanged(node: ast.IfExp) -> str:
    before = ast.unparse(node)
    node.body, node.orelse = node.orelse, node.body
    return f"{ast.unparse(node)} for {before}"


def _other_constant(node: ast.Constant) -> str:
    value = cast("int | bool", node.value)
    node.value = not value if isinstance(value, bool) else value + 1
    return f"{node.value} for {value}"
