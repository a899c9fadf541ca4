"""Tables, differences and numbers with units."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.pricing import cost
from sparx_dsl.render import cost_table, difference, summary
from sparx_dsl.render.labels import number_set
from sparx_dsl.render.text_table import Column, text_table
from sparx_dsl.render.units import binary_bytes, decimal_count, duration, share
from tests.support.dot import DEEP, FIGURE_2, graph_of
from tests.support.golden_text import Golden
from tests.support.strategies import spec_mappings

BINARY = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
DECIMAL = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@given(st.integers(0, 10**14))
def test_units_are_right_to_the_last_digit_shown(count: int) -> None:
    """The number shown, times its unit, is the count to within half of the last digit; it stays below the next unit."""
    binary, decimal = (binary_bytes(count), BINARY, 0.005, 1024), (decimal_count(count), DECIMAL, 0.05, 1000)
    for text, units, error, base in (binary, decimal):
        number, _, unit = text.partition(" ")
        assert abs(float(number) * units[unit] - count) <= error * units[unit] * 1.000001
        assert float(number) < base or unit in ("TiB", "T")
        assert float(number) >= 1 or count == 0


def test_numbers_read_as_in_papers() -> None:
    """The forms that tables use."""
    assert binary_bytes(1_258_291) == "1.20 MiB"
    assert decimal_count(27_100_000) == "27.1 M"
    assert (decimal_count(999), decimal_count(999_960)) == ("999", "1.0 M")
    assert [duration(seconds) for seconds in (0.00085, 0.0123, 4.21)] == ["850 µs", "12.3 ms", "4.21 s"]
    assert (share(1, 3), share(1, 0)) == ("33.3 %", "–")


@given(st.lists(st.integers(1, 60), unique=True).map(sorted))
def test_sets_of_layers_can_be_read_back(numbers: list[int]) -> None:
    """A set of layer numbers in short form still tells exactly which they are."""
    text = number_set(tuple(numbers))
    if "…" in text:
        first, second, _, last = text.split(", ")
        found = list(range(int(first), int(last) + 1, int(second) - int(first)))
    elif "–" in text:
        first, last = text.split("–")
        found = list(range(int(first), int(last) + 1))
    else:
        found = [int(number) for number in text.split(", ") if number]
    assert found == numbers


def test_summary(golden: Golden) -> None:
    """What a researcher reads after compiling."""
    price = cost(graph_of(DEEP))
    golden.check(summary(price.schedule.graph, price.schedule, price, {"load": 0.0123, "plan": 0.0004}))


def test_cost_table(golden: Golden) -> None:
    """Parameters and MACs layer by layer."""
    golden.check(cost_table(cost(graph_of(FIGURE_2))))


@given(spec_mappings(), st.integers(60, 160))
def test_summary_adds_up_and_fits(mapping: dict[str, Any], width: int) -> None:
    """No line is too wide, no text steers a terminal, and the totals are those of the price and the graph."""
    graph = sparx_dsl.connect(sparx_dsl.parse_spec(mapping))
    price = cost(graph)
    text = summary(graph, price.schedule, price, width=width)
    table = text.splitlines()[1:-2]
    assert max(map(len, table)) <= width
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    if width >= 120:
        (total,) = (line.split() for line in table if line.startswith(" total"))
        links = [str(count) for kind in ("intra", "inter", "cross_stage", "added") if (count := _links(graph, kind))]
        layers = [node for node in graph.nodes if node.role == "layer"]
        assert total[1:3] == [str(len(layers)), str(sum(bool(graph.features(node.name)) for node in layers))]
        assert total[3:] == [*links, *decimal_count(price.params).split(), *decimal_count(price.macs).split()]


@given(
    st.text(),
    st.sampled_from(["[red]x[/red]", "[link=http://x]y[/link]", ":smile:", "\x1b[31mx", "a\nb\u202e\u200b\u3164"]),
)
def test_tables_take_no_text_for_markup(plain: str, awkward: str) -> None:
    """Square brackets stay as they are, and control characters come out as visible escapes."""
    text = text_table([Column("[b]head[/b]"), Column("")], [[awkward, plain]], width=2000)
    assert "[b]head[/b]" in text
    assert awkward.encode("unicode_escape").decode() in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u3164\ud800-\udfff]", text)


def test_difference_of_an_ablation(golden: Golden) -> None:
    """Another stride, one more mixer, a link and a deeper stage, in words."""
    mixers = "layers: {1: {mixer: {kind: ssm}}, 2: {mixer: {kind: ss2d, state: 4}}}"
    after = FIGURE_2.replace("depth: 8, S: 2", f"depth: 9, S: 3, {mixers}")
    golden.check(difference(graph_of(FIGURE_2), graph_of(after)))


@given(spec_mappings())
def test_equal_graphs_do_not_differ(mapping: dict[str, Any]) -> None:
    """A graph differs from its own copy in nothing, and the text says so."""
    first, second = (sparx_dsl.connect(sparx_dsl.parse_spec(mapping)) for _ in range(2))
    assert difference(first, second) == "no difference"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("layer.ffn", {"kind": "mlp"}, "~ stage1.layer1: ffn conv → mlp"),
        ("layer.dpe", False, "~ stage1.layer1: dpe true → false"),
        ("layer.mixer", {"kind": "ss2d", "state": 4}, "~ stage1.layer1: mixer.state 1 → 4"),
        ("layer.fusion", {"kind": "dmca", "groups": 8}, "~ stage1.layer2: fusion.groups 4 → 8"),
        ("stem", {"kind": "conv", "convs": 3}, "~ stem: convs 2 → 3"),
        ("head", {"kind": "linear"}, "+ head: linear head, 96 channels at 1/4"),
        ("drop_path", 0.2, "~ backbone: drop_path 0.0 → 0.2"),
        ("stages.1.M", 1, "- stage1.layer2 → stage1.layer6 (inter)"),
    ],
)
def test_difference_names_the_setting(key: str, value: object, line: str) -> None:
    """Each kind of change is said where it is, with both values."""
    spec = sparx_dsl.parse_spec(FIGURE_2)
    after = spec.edit({key: value})
    assert line in difference(sparx_dsl.connect(spec), sparx_dsl.connect(after)).splitlines()


def _links(graph: sparx_dsl.ConnectionGraph, kind: str) -> int:
    return sum(edge.kind == kind for edge in graph.edges)
