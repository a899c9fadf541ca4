"""The closest of the words that would have been right, after the rule that CPython has for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable

MOVE_COST = 2
"""Cost of one letter added, dropped or replaced."""
CASE_COST = 1
"""Cost of one letter in the other case."""
MAX_LENGTH = 40
"""Words longer than this, in characters, get no suggestion."""
MAX_CHOICES = 750
"""With more choices than this there is no suggestion."""


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A help text that names the closest choice, or None where nothing is close."""
    choice = closest(word, choices)
    return None if choice is None else f'did you mean "{choice}"?'


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice at the smallest edit distance, the first of equals; None where none is close.

    None also where the word or the list of choices is too long to compare.
    """
    candidates = list(choices)
    if len(word) > MAX_LENGTH or len(candidates) > MAX_CHOICES:
        return None
    best: str | None = None
    bound: int | None = None
    for candidate in candidates:
        if candidate == word or len(candidate) > MAX_LENGTH:
            continue
        threshold = (len(word) + len(candidate) + 3) * MOVE_COST // 6
        limit = threshold if bound is None else min(threshold, bound - 1)
        distance = edit_distance(word, candidate)
        if distance <= limit:
            best, bound = candidate, distance
    return best


def edit_distance(first: str, second: str) -> int:
    """The cheapest way to turn one word into the other: a changed case costs 1, any other edit 2.

    Words that differ in case alone are at distance 1, however many letters that concerns.
    """
    if first != second and first.casefold() == second.casefold():
        return CASE_COST
    row = [MOVE_COST * column for column in range(len(second) + 1)]
    for number, letter in enumerate(first, start=1):
        diagonal, row[0] = row[0], MOVE_COST * number
        for column, other in enumerate(second, start=1):
            replaced = diagonal + _replacement_cost(letter, other)
            diagonal = row[column]
            row[column] = min(replaced, row[column] + MOVE_COST, row[column - 1] + MOVE_COST)
    return row[-1]


def _replacement_cost(letter: str, other: str) -> int:
    """What it costs to write one letter for another."""
    if letter == other:
        return 0
    return CASE_COST if letter.casefold() == other.casefold() else MOVE_COST
