"""What a space costs and gives: bounds, points of other spaces, pickles, strategies, the page in the docs."""

from __future__ import annotations

import pickle
import random
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import sparx_dsl
import sparx_dsl.search
from sparx_dsl.language.frozen import FrozenDict
from sparx_dsl.search import Point, Space, load_space, make_space
from sparx_dsl.search.sampling.rejection_sampling import sample_within_bounds
from tests.support.broken_specs import places
from tests.support.paths import DOCS, SPACES, SPECS

WIDE = SPACES / "wide.yaml"
SMALL = SPACES / "around_mamba_t.yaml"


@pytest.fixture(scope="module")
def wide() -> Space:
    """A space of far more than 10^12 points."""
    return load_space(WIDE)


# Bounds.


def test_points_beyond_the_bounds_are_neither_listed_nor_drawn() -> None:
    """Enumeration, samples and moves keep the bounds, and what they leave out does not."""
    bounded = load_space(SMALL)
    free = Space(bounded.name, bounded.base, bounded.choices, (), bounded.tree)
    kept = set(bounded.enumerate())
    prices = {point: sparx_dsl.cost(free.spec(point)) for point in free.enumerate()}
    assert kept == {p for p, price in prices.items() if price.params <= 32_000_000 and price.macs <= 6_000_000_000}
    assert 0 < len(kept) < bounded.count == len(prices)
    assert bounded.count_within() == len(kept)
    rng = random.Random(0)
    for seed in range(10):
        point = bounded.sample(seed)
        assert {point, bounded.mutate(point, rng), bounded.crossover(point, bounded.sample(rng), rng)} <= kept


BUDGETS: tuple[tuple[dict[str, str], dict[str, Any]], ...] = (
    ({"params": "31M"}, {}),
    ({"params": "40M", "macs": "5.2G"}, {"params": {"most": "31M"}}),
    ({"macs": "5.5G"}, {"peak": {"least": "1MiB"}, "macs": "6G"}),
)


@pytest.mark.parametrize(("budget", "bounds"), BUDGETS)
def test_every_point_keeps_the_budget_of_the_base(budget: dict[str, object], bounds: dict[str, object]) -> None:
    """A spec beyond its own budget is a mistake, so nothing that a space gives is one; bounds hold beside it."""
    base = load_space(SMALL).base
    choices = {"stages.3.depth": {"from": 5, "to": 9}, "stages.3.S": [1, 2, 3], "stages.2.M": [1, "all"]}
    wider = make_space(base, choices, bounds=bounds)
    space = make_space(base.edit({"budget": budget}), choices, bounds=bounds)
    kept = {str(point) for point in space.enumerate()}
    assert kept == {str(point) for point in wider.enumerate() if is_sound(space.spec(point))}
    assert 0 < len(kept) < space.count
    for point in [space.sample(0), *map(space.point_at, space.sample_many(20, seed=0))]:
        sparx_dsl.check_prices(sparx_dsl.plan(sparx_dsl.connect(space.spec(point))))


def is_sound(spec: sparx_dsl.Spec) -> bool:
    """Whether checking finds nothing wrong with what a spec costs."""
    try:
        sparx_dsl.check_prices(sparx_dsl.plan(sparx_dsl.connect(spec)))
    except sparx_dsl.SparxError:
        return False
    return True


def test_a_budget_that_nothing_keeps_is_told_at_its_line(tmp_path: Path) -> None:
    """As for bounds, the closest price is named; the place is that of the budget, in the file of the base."""
    text = "extends: sparx_mamba_t.yaml\nname: small\nbudget: {params: 1M}\n"
    shutil.copy(SPECS / "sparx_mamba_t.yaml", tmp_path)
    (tmp_path / "small.yaml").write_text(text)
    (tmp_path / "space.yaml").write_text("space: 1\nbase: small.yaml\nchoices: {stages.3.depth: [5, 6]}\n")
    with pytest.raises(sparx_dsl.SparxError) as caught:
        load_space(tmp_path / "space.yaml").sample(0)
    (mistake,) = caught.value.diagnostics
    assert places((mistake,)) == (("SPX732", 3, 18),)
    assert mistake.where.source is not None
    assert mistake.where.source.name.endswith("small.yaml")


def test_nothing_is_built() -> None:
    """Drawing within bounds never builds a module: torch is not even imported."""
    code = f"import sys, sparx_dsl; print(sparx_dsl.load_space({str(SMALL)!r}).sample(1), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{load_space(SMALL).sample(1)} False\n"


def test_bounds_that_nothing_keeps_name_the_closest_price() -> None:
    """Where nothing keeps the bounds, the sample fails at the bound, with the cheapest price there is."""
    base = sparx_dsl.load_spec(SPECS / "sparx_mamba_t.yaml")
    space = make_space(base, {"stages.3.depth": [5, 6]}, bounds={"params": {"most": "1M"}})
    cheapest = min(space.prices(space.point(number)).params for number in range(2))
    with pytest.raises(sparx_dsl.SparxError) as caught:
        space.sample(0)
    mistake = caught.value.diagnostics[0]
    assert (mistake.code, mistake.where.path) == ("SPX732", "bounds.params")
    assert "none of the 2 points" in mistake.message
    assert f"{cheapest / 1e6:.4g}M parameters" in mistake.notes[0]


def test_the_closest_price_is_looked_for() -> None:
    """Where a space is too large to try all points, a descent from the closest draw finds the cheapest one."""
    stages = [{"channels": 16, "depth": 1}] * 2
    base = {"sparx": 1, "name": "x", "stem": {"kind": "patch"}, "layer": {"mixer": {"kind": "ssm"}}, "stages": stages}
    widths = {"stages.*.channels": {"from": 8, "to": 64, "step": 8}, "stages.*.depth": {"from": 1, "to": 4}}
    space = make_space(sparx_dsl.parse_spec(base), widths, bounds={"params": "1K"})
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sample_within_bounds(space, random.Random(0), most_priced=5)
    assert f"the closest price found is {space.prices(space.point(0))}" in caught.value.diagnostics[0].notes
    assert space.prices(space.point(0)).params == min(space.prices(space.point(n)).params for n in range(0, 1024, 31))


# A space as a value.


def test_a_space_can_be_sent_to_another_process(wide: Space) -> None:
    """A pickled space is equal, and draws the same points."""
    sent = pickle.loads(pickle.dumps(wide))  # noqa: S301
    assert sent == wide
    assert sent.sample(5) == wide.sample(5)


def test_points_of_other_spaces_are_refused() -> None:
    """A point with an unknown choice, an unknown value, or values that do not fit is refused."""
    space = load_space(SMALL)
    good = dict(space.point(0).picks)
    for wrong in ({**good, "width": 0}, {**good, "stages.3.S": 9}, {n: v for n, v in good.items() if n != "skip"}):
        with pytest.raises(sparx_dsl.SparxError) as caught:
            space.spec(Point(FrozenDict(wrong)))
        assert [mistake.code for mistake in caught.value.diagnostics] == ["SPX741"]


@settings(max_examples=20, deadline=None)
@given(sparx_dsl.search.strategy(load_space(SMALL)))
def test_the_strategy_draws_backbones_of_the_space(spec: sparx_dsl.Spec) -> None:
    """Users' tests get backbones that keep the bounds."""
    assert sparx_dsl.cost(spec).params <= 32_000_000


def test_the_strategy_says_that_hypothesis_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hypothesis the strategy is a mistake with advice."""
    monkeypatch.setitem(__import__("sys").modules, "hypothesis", None)
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.search.strategy(load_space(SMALL))
    assert [(m.code, m.help) for m in caught.value.diagnostics] == [("SPX740", "pip install hypothesis")]


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The space in docs/spaces.md is the one in specs/spaces, and the Python blocks run in the folder of the zoo."""
    page = (DOCS / "spaces.md").read_text(encoding="utf-8")
    text = SMALL.read_text(encoding="utf-8")
    assert re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) == [text.partition("\n")[2]]
    shutil.copy(SPECS / "sparx_mamba_t.yaml", tmp_path)
    shutil.copy(SMALL, tmp_path)
    monkeypatch.chdir(tmp_path)
    for number, body in enumerate(re.findall(r"```python\n(.*?)```", page, re.DOTALL)):
        (tmp_path / f"block{number}.py").write_text(body, encoding="utf-8")
        runpy.run_path(f"block{number}.py")
