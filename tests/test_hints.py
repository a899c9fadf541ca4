"""What to write instead: the help of errors about amounts, parts of one, and colons that are missing."""

from __future__ import annotations

import pytest

import sparx_dsl

FIRST = "sparx: 1\nname: tiny\nstem: {kind: patch}\nlayer: {mixer: {kind: ss2d}}\nstages: [{channels: 8, depth: 1}]\n"


def help_of(text: str) -> str | None:
    """The help of the only error."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(text)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.help


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("macs: 5 GMACs", "5G"), ("macs: 5 gmac", "5G"), ("macs: 4.5g", "4.5G"), ("macs: '5e9'", "5G"),
        ("macs: '5,000,000'", "5M"), ("params: 30 M params", "30M"), ("params: 27 million", "27M"),
        ("peak: 2G", "2GiB"), ("peak: 2 gib", "2GiB"), ("peak: 64 mb", "64MB"),
        ("macs: 5 MiB", None), ("peak: 5 GMACs", None), ("macs: many", None),
    ],
)  # fmt: skip
def test_an_amount_with_other_words_is_recognised(written: str, meant: str | None) -> None:
    """And what is another unit, or no number, is not guessed at."""
    advice = help_of(f"{FIRST}budget: {{{written}}}\n")
    assert advice == (None if meant is None else f"write {meant}")


def test_flops_are_said_to_be_something_else() -> None:
    """Of which two are one multiply-accumulate."""
    assert (help_of(f"{FIRST}budget: {{macs: 5 GFLOPs}}\n") or "").startswith("write 5G; multiply-accumulates")


def test_a_number_with_commas_is_recognised() -> None:
    """As English texts have it."""
    assert help_of(f"{FIRST}head:\n  kind: linear\n  classes: 21,841\n") == "write 21841"


def test_a_percentage_is_recognised() -> None:
    """What may be 1 at most and is written as 20 is a fifth."""
    assert help_of(f"{FIRST}drop_path: 20\n") == "20 % is 0.2: write 0.2"
    assert help_of(f"{FIRST}drop_path: 200\n") is None


@pytest.mark.parametrize(
    ("text", "line", "meant"),
    [
        ("sparx: 1\nname tiny # small\nstem: {kind: patch}\n", 2, "write name: tiny"),
        ("sparx: 1\nname:tiny\n\n# a remark\nstem: {kind: patch}\n", 2, "write name: tiny"),
        ("sparx: 1\nlayer\n  mixer: {kind: ss2d}\n", 2, "write layer:"),
        ("sparx: 1\nstages\n  - {channels: 8}\n", 2, "write stages:"),
        ("sparx: 1\nlayer:\n  norm batch\n\n  mixer: {kind: ss2d}\n", 3, "write norm: batch"),
        (FIRST.replace("stem: ", "stem "), 3, "a ':' is missing: write stem: {…}"),
        (FIRST.replace("{kind: patch", "{kind patch"), 3, "a ':' is missing: write kind: patch"),
    ],
)
def test_a_missing_colon_is_reported_on_its_line(text: str, line: int, meant: str) -> None:
    """With the line as it should be."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.parse_spec(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.where.span is not None
    assert (diagnostic.where.span.line, diagnostic.help) == (line, meant)
