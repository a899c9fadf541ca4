"""The schedule: its text, what it leaves out for features, its shapes against those of the real activations."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl.language.base import MAX_SIDE
from sparx_dsl.language.dtypes import DType
from sparx_dsl.schedule import Free, Gather, Run
from sparx_dsl.schedule.step import call
from sparx_dsl.schedule.values import IMAGES
from tests.support import strategies
from tests.support.golden_text import Golden
from tests.support.paths import SPECS

sizes = st.tuples(st.integers(1, 61), st.integers(1, 61))

LINKED: dict[str, Any] = {
    "sparx": 1,
    "name": "linked",
    "input": {"channels": 3, "size": [32, 24]},
    "stem": {"kind": "patch", "size": 2},
    "layer": {"mixer": {"kind": "window_attention", "heads": 2}, "fusion": {"kind": "concat"}, "dpe": True},
    "stages": [
        {"channels": 8, "depth": 3, "S": 2},
        {"channels": 16, "depth": 2, "ganglion": [2], "layer": {"ffn": {"kind": "none"}}},
        {"channels": 16, "depth": 1},
    ],
    "links": {
        "add": [{"from": "stage1.layer2", "to": "stage2.layer2"}, {"from": "stage1.layer2", "to": "stage3.layer1"}]
    },
    "head": {"kind": "linear", "classes": 10},
}


def test_listing(golden: Golden) -> None:
    """``str(schedule)`` shows every step of SparX-Mamba-T with its bytes, and the frees among them."""
    golden.check(str(sparx_dsl.plan(SPECS / "sparx_mamba_t.yaml")))


def test_listing_with_links_and_features(golden: Golden) -> None:
    """Adapters stand behind the layers that they adapt; with ``features`` the last maps are kept to the end."""
    golden.check(str(sparx_dsl.plan(LINKED, batch=2, dtype="bfloat16", features=(1, 2))))


@given(strategies.specs(), st.data())
def test_nothing_runs_after_the_last_stage_that_is_wanted(spec: sparx_dsl.Spec, data: st.DataObject) -> None:
    """With ``features`` the steps are the first ones of the whole schedule, up to the last stage wanted."""
    stages = data.draw(st.sets(st.integers(1, len(spec.stages)), min_size=1).map(lambda found: tuple(sorted(found))))
    schedule = sparx_dsl.plan(spec, features=stages)
    graph = schedule.graph
    runs = [step for step in schedule.steps if not isinstance(step, Free)]
    whole = [step for step in sparx_dsl.plan(spec).steps if not isinstance(step, Free)]
    # A link into a stage that does not run is not adapted either.
    wanted = [
        step for step in whole if graph.node(step.node).stage <= stages[-1] and graph.node(step.node).role != "head"
    ]
    assert runs == wanted
    assert schedule.outputs == tuple(
        f"{spec.stages[stage - 1].name or f'stage{stage}'}.layer{spec.stages[stage - 1].depth}" for stage in stages
    )
    assert runs[-1].output == schedule.outputs[-1]


@given(strategies.specs(), st.data())
def test_maps_are_given_by_their_nodes_names_in_the_order_asked_for(spec: sparx_dsl.Spec, data: st.DataObject) -> None:
    """Of layers and the stem; nothing runs after the last of them."""
    graph = sparx_dsl.connect(spec)
    names = ["stem", *(node.name for node in graph.layers())]
    wanted = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    schedule = sparx_dsl.plan(spec, features=wanted)
    assert schedule.outputs == tuple(wanted)
    runs = [step.output for step in schedule.steps if not isinstance(step, Free)]
    assert runs[-1] == max(wanted, key=names.index)


def test_a_schedule_is_shown_in_a_line_and_copied_as_itself() -> None:
    """Nothing in it changes, so a copy need not be another."""
    schedule = sparx_dsl.plan(LINKED, batch=2)
    assert copy.deepcopy(schedule) is schedule
    assert repr(schedule) == f"Schedule('linked', 32×24, batch 2, float32, {len(schedule.steps)} steps)"


@given(strategies.specs())
def test_every_part_of_every_node_runs_once(spec: sparx_dsl.Spec) -> None:
    """Each node is given by exactly one step, each module has a path of its own, each ganglion layer one fusion."""
    schedule = sparx_dsl.plan(spec)
    runs = [step for step in schedule.steps if isinstance(step, Run)]
    assert len({run.module for run in runs}) == len(runs)
    outputs = [step.output for step in schedule.steps if not isinstance(step, Free)]
    assert all(outputs.count(node.name) == 1 for node in schedule.graph.nodes)
    for node in schedule.graph.layers():
        parts = [run.part for run in runs if run.node == node.name and run.part != "link"]
        settings_ = node.layer_settings
        expected = ["dpe"] * settings_.dpe + ["fusion"] * node.ganglion + ["mixer"]
        expected += ["ffn"] * (settings_.ffn.kind != "none") + ["norm"] * settings_.end_norm
        assert parts == expected


@given(strategies.specs())
def test_a_fusion_reads_its_features_in_the_order_of_their_slots(spec: sparx_dsl.Spec) -> None:
    """A fusion is given the layer's input and the concatenated features, adapted where links differ."""
    schedule = sparx_dsl.plan(spec)
    graph = schedule.graph
    writer = {step.output: step for step in schedule.steps if not isinstance(step, Free)}
    for node in graph.layers():
        if not node.ganglion:
            continue
        fusion = writer[f"{node.name}.fusion"]
        joined = writer[fusion.inputs[1]]
        edges = graph.features(node.name)
        heard = joined.inputs if isinstance(joined, Gather) and joined.node == node.name else (fusion.inputs[1],)
        origin = [writer[name].inputs[0] if ".link_" in name else name for name in heard]
        assert origin == [edge.source for edge in edges]
        assert [".link_" in name for name in heard] == [graph.adapted(edge) for edge in edges]
        feed = graph.feed(node.name)
        assert feed is not None
        assert fusion.inputs[0] == (f"{node.name}.dpe" if node.layer_settings.dpe else feed.source)


@given(strategies.specs(), sizes, st.integers(1, 5))
def test_bytes_scale_with_batch_and_dtype(spec: sparx_dsl.Spec, size: tuple[int, int], batch: int) -> None:
    """Every buffer has as many bytes as images and bytes per number say; the order of the steps stays."""
    one = sparx_dsl.plan(spec, size, dtype="bfloat16")
    widths: dict[DType, int] = {"float16": 1, "bfloat16": 1, "float32": 2, "float64": 4}
    for dtype, width in widths.items():
        many = sparx_dsl.plan(spec, size, batch, dtype)
        assert many.steps == one.steps
        assert {n: b.bytes for n, b in many.buffers.items()} == {
            n: b.bytes * batch * width for n, b in one.buffers.items()
        }
        assert many.peak_bytes == one.peak_bytes * batch * width
        assert many.bound_bytes == one.bound_bytes * batch * width


@given(strategies.specs(), sizes)
def test_a_larger_image_needs_no_fewer_bytes(spec: sparx_dsl.Spec, size: tuple[int, int]) -> None:
    """The peak and the bound never shrink as rows or columns are added."""
    small = sparx_dsl.plan(spec, size)
    for larger in ((size[0] + 1, size[1]), (size[0], size[1] + 7)):
        assert sparx_dsl.plan(spec, larger).peak_bytes >= small.peak_bytes
        assert sparx_dsl.plan(spec, larger).bound_bytes >= small.bound_bytes


def real_shapes(spec: sparx_dsl.Spec, schedule: sparx_dsl.Schedule) -> dict[str, tuple[int, ...]]:
    """The shape of what every part of the built module really gives, by the path of the part; on the meta device."""
    import torch

    model = sparx_dsl.build(spec, device="meta").eval()
    seen: dict[str, tuple[int, ...]] = {}

    def watch(path: str) -> Any:
        def hook(module: object, inputs: object, output: torch.Tensor) -> None:
            seen[path] = tuple(output.shape)

        return hook

    paths = [step.module for step in schedule.steps if isinstance(step, Run)]
    handles = [model.get_submodule(path).register_forward_hook(watch(path)) for path in paths]
    with torch.no_grad():
        model(torch.empty(schedule.buffers[IMAGES].shape, device="meta"))
    for handle in handles:
        handle.remove()
    return seen


def check_shapes(spec: sparx_dsl.Spec, size: tuple[int, int], batch: int) -> None:
    """Compare planned with real shapes; a gather's are the sum of what it reads."""
    schedule = sparx_dsl.plan(spec, size, batch)
    seen = real_shapes(spec, schedule)
    shapes = {name: buffer.shape for name, buffer in schedule.buffers.items()}
    assert shapes[IMAGES] == (batch, spec.input.channels, *size)
    for step in schedule.steps:
        if isinstance(step, Run):
            assert shapes[step.output] == seen[step.module], step
        elif isinstance(step, Gather):
            read = [shapes[name] for name in step.inputs]
            assert {(shape[0], *shape[2:]) for shape in read} == {(batch, *shapes[step.output][2:])}
            assert shapes[step.output][1] == sum(shape[1] for shape in read)


@settings(max_examples=strategies.examples(0.4))
@given(strategies.specs(deepest=3), sizes, st.integers(1, 2))
def test_planned_shapes_are_those_of_the_real_activations(
    spec: sparx_dsl.Spec, size: tuple[int, int], batch: int
) -> None:
    """Every part's output has the shape that the schedule says, for odd and oblong images too."""
    check_shapes(spec, size, batch)


@pytest.mark.parametrize("size", [(32, 32), (31, 45), (1, 1), (17, 2)])
def test_planned_shapes_of_a_spec_with_links(size: tuple[int, int]) -> None:
    """Features that are adapted to a smaller map have the shape of the layer that reads them."""
    check_shapes(sparx_dsl.parse_spec(LINKED), size, 2)


def test_default_size_is_the_spec_s() -> None:
    """Without a size the plan is for the spec's own, height first."""
    assert sparx_dsl.plan(LINKED).size == (32, 24)
    assert sparx_dsl.plan(LINKED).buffers[IMAGES].shape == (1, 3, 32, 24)
    assert sparx_dsl.plan(LINKED).buffers["head"].shape == (1, 10)


def test_an_image_may_be_as_large_as_the_limit() -> None:
    """On both sides."""
    assert sparx_dsl.plan(LINKED, (MAX_SIDE, MAX_SIDE)).buffers[IMAGES].shape == (1, 3, MAX_SIDE, MAX_SIDE)


def test_a_step_prints_itself_as_a_call() -> None:
    """A step reads as an assignment."""
    assert call(Run("n", "fusion", ("a", "b"), "n.fusion", "n.fusion")) == "n.fusion = fusion(a, b)"
    assert call(Gather("n", ("a", "b"), "n.gather")) == "n.gather = gather(a, b)"


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ({"size": (0, 32)}, ["SPX320"]),
        ({"size": (32, -1)}, ["SPX320"]),
        ({"size": 224}, ["SPX320"]),
        ({"size": (32.0, 32)}, ["SPX320"]),
        ({"size": [32, 32]}, ["SPX320"]),
        ({"size": (True, 32)}, ["SPX320"]),
        ({"size": (32, 32, 3)}, ["SPX320"]),
        ({"size": (32, MAX_SIDE + 1)}, ["SPX320"]),
        ({"batch": True}, ["SPX320"]),
        ({"batch": 1.5}, ["SPX320"]),
        ({"batch": 0}, ["SPX320"]),
        ({"dtype": "int8"}, ["SPX321"]),
        ({"features": ()}, ["SPX322"]),
        ({"features": 4}, ["SPX322"]),
        ({"features": "12"}, ["SPX322"]),
        ({"features": {1, 2}}, ["SPX322"]),
        ({"features": np.array(1)}, ["SPX322"]),
        ({"features": (1.0,)}, ["SPX322"]),
        ({"features": ([1],)}, ["SPX322"]),
        ({"features": (-4,)}, ["SPX322"]),
        ({"features": ("stage1.layer9",)}, ["SPX322"]),
        ({"features": ("stage2.downsample", "images")}, ["SPX322", "SPX322"]),
        ({"features": (True,)}, ["SPX322"]),
        ({"features": (0,)}, ["SPX322"]),
        ({"features": (4,)}, ["SPX322"]),
        ({"features": (1, 1)}, ["SPX322"]),
        ({"features": (3, 1, -1)}, ["SPX322"]),
        ({"batch": -2, "dtype": "float8", "features": (9,)}, ["SPX320", "SPX321", "SPX322"]),
    ],
)
def test_what_cannot_be_planned_is_said_all_at_once(arguments: dict[str, Any], codes: list[str]) -> None:
    """A size, batch, dtype or stage that cannot be is refused with a code of its own; no text is wrong."""
    with pytest.raises(sparx_dsl.SparxError) as caught:
        sparx_dsl.plan(LINKED, **arguments)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == codes
    assert all(diagnostic.where.span is None for diagnostic in caught.value.diagnostics)
    assert all(diagnostic.help for diagnostic in caught.value.diagnostics)


def test_a_dtype_of_torch_stands_for_its_name() -> None:
    """``torch.float16`` plans as ``"float16"`` does, and torch is not needed to know it."""

    class Float16:
        def __str__(self) -> str:
            return "torch.float16"

    named: Any = Float16()
    assert sparx_dsl.plan(LINKED, dtype=named) == sparx_dsl.plan(LINKED, dtype="float16")
