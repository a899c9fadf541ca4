"""Budgets in a spec: written, read back, inherited, and held by checking, compiling and building."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.reader.quantities import write_quantity
from sparx_dsl.search import fingerprint
from tests.support import strategies
from tests.support.broken_specs import CORPUS
from tests.support.commands import sparx

TINY = CORPUS / "tiny.yaml"
MEASURES = {"params": "params", "macs": "macs", "peak": "peak_bytes"}


def codes(call: Any, *arguments: Any, **keys: Any) -> list[tuple[str, str]]:
    """The codes that a call is charged with, and the key paths that they stand at."""
    try:
        call(*arguments, **keys)
    except sparx_dsl.SparxError as error:
        return [(mistake.code, mistake.where.path) for mistake in error.diagnostics]
    return []


@given(strategies.specs(), st.sampled_from(sorted(MEASURES)))
def test_a_budget_holds_exactly_to_the_price(spec: sparx_dsl.Spec, measure: str) -> None:
    """A budget of just the price is kept, and one less is exceeded, charged at its key."""
    price = getattr(sparx_dsl.cost(spec), MEASURES[measure])
    assert codes(sparx_dsl.check, spec.edit({"budget": {measure: price}})) == []
    if price > 1:
        expected = [("SPX405", f"budget.{measure}")]
        assert codes(sparx_dsl.check, spec.edit({"budget": {measure: price - 1}})) == expected


def test_building_holds_the_budget_whatever_is_asked_for() -> None:
    """``build`` refuses an over-budget spec also where its outputs or dtype are others; pricing and planning do not."""
    spec = sparx_dsl.load_spec(TINY)
    over = spec.edit({"budget": {"macs": sparx_dsl.cost(spec).macs - 1}})
    assert codes(sparx_dsl.build, over, device="meta") == [("SPX405", "budget.macs")]
    assert codes(sparx_dsl.build, over, device="meta", features=(1,), dtype="bfloat16") == [("SPX405", "budget.macs")]
    assert codes(sparx_dsl.plan, over) == codes(sparx_dsl.cost, over) == codes(sparx_dsl.prices, over) == []


@pytest.mark.parametrize("emit", ["summary", "json", "schedule", "dot"])
def test_compiling_holds_the_budget_whatever_is_shown(emit: str, tmp_path: Path) -> None:
    """Every ``--emit`` of an over-budget spec ends with status 1 and SPX405 at the budget's line and column."""
    path = tmp_path / "over.yaml"
    path.write_text(TINY.read_text(encoding="utf-8") + "budget:\n  peak: 3KiB\n", encoding="utf-8")
    done = sparx("compile", path, "--emit", emit, "--format", "json")
    assert (done.status, done.stdout) == (1, "")
    assert [(entry["code"], entry["line"], entry["column"]) for entry in json.loads(done.stderr)] == [("SPX405", 10, 9)]


def test_checking_applies_the_limits() -> None:
    """``check`` refuses what ``build`` refuses: parameters and bytes beyond the limits."""
    few = sparx_dsl.Limits(params=1000, buffer_bytes=1000)
    assert [code for code, _ in codes(sparx_dsl.check, TINY, limits=few)] == ["SPX402", "SPX403"]


def test_a_message_says_by_how_much_and_where() -> None:
    """The value at hand, the excess in amounts and percent, the stage and the layer that cost most, and what to do."""
    spec = sparx_dsl.load_spec(TINY)
    price = sparx_dsl.cost(spec)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.check(spec.edit({"budget": {"params": price.params - 1000, "peak": "1KiB"}}))
    params, peak = caught.value.diagnostics
    percent = f"{1000 / (price.params - 1000):.1%}"
    budget = write_quantity(price.params - 1000, of_bytes=False)
    assert params.message == f"{price.params:,} parameters are 1K ({percent}) over the budget of {budget}"
    largest = max(dict.fromkeys(row.node for row in price.rows), key=lambda node: price.of_node(node).params)
    assert "are in stage 2" in params.notes[0]
    assert f"; {largest} alone has " in params.notes[0]
    assert peak.message.startswith(f"{price.peak_bytes:,} bytes of feature buffers are ")
    assert f"the peak is at {price.schedule.peak_step.output}, " in peak.notes[0]
    assert params.help is not None
    assert params.help.endswith("or raise it")


def test_a_budget_is_inherited_replaced_and_taken_away(tmp_path: Path) -> None:
    """``extends`` lays a budget over the other key by key; null takes it, or one of its keys, away."""
    (tmp_path / "base.yaml").write_text(TINY.read_text(encoding="utf-8") + "budget: {params: 1M, macs: 2G}\n")
    found: list[dict[str, Any]] = []
    for budget in ("{params: 3M}", "{macs: null}", "null"):
        path = tmp_path / "other.yaml"
        path.write_text(f"extends: base.yaml\nname: other\nbudget: {budget}\n", encoding="utf-8")
        found.append(sparx_dsl.load_spec(path).written().get("budget", {}))
    assert found == [{"params": "3M", "macs": "2G"}, {"params": "1M"}, {}]


def test_one_graph_has_one_hash_whatever_its_budget() -> None:
    """A budget is no part of the backbone."""
    spec = sparx_dsl.load_spec(TINY)
    assert fingerprint(spec.edit({"budget": {"params": "1G"}})) == fingerprint(spec)
