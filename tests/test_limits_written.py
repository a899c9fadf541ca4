"""Limits of what no single text holds: specs that extend others, edits, and the texts that are written of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sparx_dsl
from sparx_dsl import Limits, SparxError
from sparx_dsl.lowering.build import lower
from sparx_dsl.reader.compose import compose
from sparx_dsl.reader.tree_size import is_short, node_count
from sparx_dsl.schedule import plan
from sparx_dsl.weights.limits import DEFAULT_CHECKPOINT_LIMITS
from sparx_dsl.weights.load import SPEC_KEY
from sparx_dsl.weights.read import read_checkpoint
from tests.support import strategies
from tests.support.backbones import TWO_STAGES, tiny
from tests.support.diagnostics import codes

OVERRIDES = "{1: {norm: layer, mixer: {kind: attention, heads: 2}}, 2: {norm: layer, ffn: {kind: mlp, ratio: 2}}}"
BASE = f"""\
sparx: 1
name: base
input: {{size: 32}}
stem: {{kind: patch}}
layer: {{mixer: {{kind: attention, heads: 2}}}}
stages:
- {{name: s1, channels: 8, depth: 16, S: 8, layers: {OVERRIDES}}}
- {{name: s2, channels: 8, depth: 16, S: 8, layers: {OVERRIDES}}}
"""
LINKS = [f"  - {{from: s1.layer{source}, to: s1.layer{target}}}\n" for target in (10, 11) for source in range(1, 9)]
EXTENSION = f"sparx: 1\nname: ext\nextends: base.yaml\nlinks:\n  add:\n{''.join(LINKS)}"


def mistakes(call: Callable[[], object]) -> set[str]:
    """The codes with which a call is refused; none where it is not."""
    try:
        call()
    except SparxError as error:
        return {one.code for one in error.diagnostics}
    return set()


def size_of(text: str) -> int:
    """The keys and values of a text, as its reader counts them."""
    few, many = 1, 10_000
    while few < many:
        middle = (few + many) // 2
        found = mistakes(partial(compose, text, "text", Limits(nodes=middle)))
        assert found <= {"SPX003"}
        few, many = (middle + 1, many) if found else (few, middle)
    return few


@pytest.fixture
def extension(tmp_path: Path) -> Path:
    """A spec that adds links to those of the file beside it."""
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "ext.yaml").write_text(EXTENSION)
    return tmp_path / "ext.yaml"


def test_what_a_spec_extends_is_counted_with_it(extension: Path) -> None:
    """Two files within the limit that hold more together are refused at the key that puts them together."""
    whole = size_of(sparx_dsl.dump_spec(sparx_dsl.load_spec(extension)))
    assert max(size_of(BASE), size_of(EXTENSION)) < whole - 1
    within, beyond = Limits(nodes=whole), Limits(nodes=whole - 1)
    assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(sparx_dsl.load_spec(extension, limits=within)), limits=within)
    with pytest.raises(SparxError) as refused:
        sparx_dsl.load_spec(extension, limits=beyond)
    (mistake,) = refused.value.diagnostics
    assert mistake.message == f"the spec, with what it extends, holds more than {whole - 1} keys and values"
    assert (mistake.code, mistake.help, str(mistake.where.path)) == ("SPX003", "shorten it", "extends")
    source, span = mistake.where.source, mistake.where.span
    assert source is not None
    assert span is not None
    assert (Path(source.name).name, span.line, span.column, span.end_column) == ("ext.yaml", 3, 10, 19)


def test_every_file_of_a_chain_is_counted(extension: Path) -> None:
    """The file of a chain whose base makes it too large is the one that is refused."""
    top = extension.with_name("top.yaml")
    top.write_text("extends: ext.yaml\nlinks: null\n")
    whole = size_of(sparx_dsl.dump_spec(sparx_dsl.load_spec(extension)))
    assert sparx_dsl.load_spec(top, limits=Limits(nodes=whole)).links == sparx_dsl.load_spec("sparx_mamba_t").links
    with pytest.raises(SparxError) as refused:
        sparx_dsl.load_spec(top, limits=Limits(nodes=whole - 1))
    (mistake,) = refused.value.diagnostics
    assert mistake.where.source is not None
    assert (mistake.code, Path(mistake.where.source.name).name) == ("SPX003", "ext.yaml")


def test_an_edit_is_counted_with_its_spec() -> None:
    """What an edit leaves is counted, at the last change that made it larger."""
    size, layers = size_of(TWO_STAGES), {1: {"norm": "batch"}}
    grown = {"name": "other", "stages.1.layers": layers, "stages.2.drop_path": None}
    spec = sparx_dsl.parse_spec(TWO_STAGES, limits=Limits(nodes=size + 6))
    assert size_of(sparx_dsl.dump_spec(spec.edit({"stages.1.layers": layers}))) == size + 6
    spec = spec.within(Limits(nodes=size + 5))
    with pytest.raises(SparxError) as refused:
        spec.edit(grown)
    (mistake,) = refused.value.diagnostics
    assert (mistake.code, str(mistake.where.path)) == ("SPX003", "stages.1.layers")
    assert mistake.message == f"the edited spec holds more than {size + 5} keys and values"
    # Only all the changes together make a spec, in whichever order they stand.
    changed = {"stages.1.layers": layers, "head": None}
    assert spec.edit(changed) == spec.edit(dict(reversed(changed.items())))


def test_a_layer_that_is_put_in_is_counted() -> None:
    """A layer more writes out nothing that was not there, and what Python data holds is counted with its keys."""
    spec = sparx_dsl.parse_spec(TWO_STAGES, limits=Limits(nodes=size_of(TWO_STAGES)))
    inserted = spec.insert_layer("stage1", 0).spec
    assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(inserted), limits=spec.limits) == inserted


def test_keys_of_data_are_counted_as_those_of_a_text() -> None:
    """A mapping is refused where its text is."""
    data, size = tiny(), size_of(sparx_dsl.dump_spec(sparx_dsl.parse_spec(tiny())))
    assert sparx_dsl.parse_spec(data, limits=Limits(nodes=size)).name
    with pytest.raises(SparxError, match=f"the data holds more than {size - 1} keys and values") as refused:
        sparx_dsl.parse_spec(data, limits=Limits(nodes=size - 1))
    assert codes(refused) == ["SPX003"]


def test_a_spec_is_counted_under_other_limits() -> None:
    """Narrower limits on keys and values are asked of a spec that was read before."""
    size = size_of(TWO_STAGES)
    spec = sparx_dsl.parse_spec(TWO_STAGES)
    assert spec.within(Limits(nodes=size)) == spec
    with pytest.raises(SparxError) as refused:
        spec.within(Limits(nodes=size - 1))
    assert codes(refused) == ["SPX003"]


def test_a_space_counts_what_its_choices_write(tmp_path: Path) -> None:
    """A point that is larger than the limit is no spec: its base and its choices stand in two texts."""
    size = size_of(TWO_STAGES)
    (tmp_path / "base.yaml").write_text(TWO_STAGES)
    path = tmp_path / "space.yaml"
    path.write_text("space: 1\nname: s\nbase: base.yaml\nchoices: {stages.1.layers: [{1: {norm: batch}}]}\n")
    space = sparx_dsl.load_space(path, limits=Limits(nodes=size + 6))
    assert size_of(sparx_dsl.dump_spec(space.spec(space.sample(0)))) == size + 6
    with pytest.raises(SparxError) as refused:
        draw(path, Limits(nodes=size + 5))
    assert codes(refused) == ["SPX003"]


def draw(path: Path, limits: Limits) -> sparx_dsl.Spec:
    """A point of the space in a file, as a spec."""
    space = sparx_dsl.load_space(path, limits=limits)
    return space.spec(space.sample(0))


def test_a_path_is_no_deeper_than_a_text() -> None:
    """An edit nests nothing beyond the limit, be it by its path, its value or both; however long the path is."""
    spec = sparx_dsl.load_spec("sparx_mamba_t")
    edits: tuple[tuple[int, object], ...] = ((5000, 1), (65, 1), (64, {}))
    for length, value in edits:
        with pytest.raises(SparxError) as refused:
            spec.edit({".".join("a" * length): value})
        assert codes(refused) == ["SPX002"]
    with pytest.raises(SparxError) as refused:
        spec.edit({".".join("a" * 64): 1})
    assert codes(refused) == ["SPX101"]


@given(strategies.spec_mappings(), st.integers(-3, 12), st.data())
def test_what_is_within_the_limits_is_written_within_them(
    mapping: dict[str, Any], spare: int, data: st.DataObject
) -> None:
    """Whatever is read, extended or edited within limits on keys and values dumps to a text within the same."""
    whole = sparx_dsl.parse_spec(mapping)
    text = sparx_dsl.dump_spec(whole)
    size, changes = size_of(text), {"drop_path": 0.25, "stages.1.layers": {1: {"norm": "batch"}}}
    assert node_count(compose(text, "text")) == size
    limits = Limits(nodes=size + spare)
    read: Any = data.draw(st.sampled_from([mapping, text, text.encode()]))
    refused = mistakes(lambda: sparx_dsl.parse_spec(read, limits=limits))
    assert refused == ({"SPX003"} if spare < 0 else set())
    if refused:
        return
    spec = sparx_dsl.parse_spec(read, limits=limits)
    larger = sparx_dsl.dump_spec(whole.edit(changes))
    refused = mistakes(lambda: spec.edit(changes))
    assert refused == ({"SPX003"} if size_of(larger) > limits.nodes else set())
    for one in (spec,) if refused else (spec, spec.edit(changes)):
        assert sparx_dsl.parse_spec(sparx_dsl.dump_spec(one), limits=limits) == one


@given(strategies.specs(), st.integers(0, 40))
def test_a_text_is_no_larger_than_the_limit(spec: sparx_dsl.Spec, less: int) -> None:
    """A text is written if it can be read again, and what is called short is far from the limit."""
    text = sparx_dsl.dump_spec(spec)
    limits = Limits(source_bytes=len(text.encode()) - less)
    narrow = spec.within(limits)
    assert not is_short(narrow.tree, limits)
    assert is_short(narrow.tree, Limits(source_bytes=100 * len(text)))
    if not less:
        assert sparx_dsl.dump_spec(narrow) == text
        return
    with pytest.raises(SparxError, match=f"larger than {limits.source_bytes} bytes") as refused:
        sparx_dsl.dump_spec(narrow)
    assert codes(refused) == ["SPX001"]


def test_no_checkpoint_is_written_that_could_not_be_read(tmp_path: Path) -> None:
    """The spec in a checkpoint is held to the limits before the file is touched, and before a model is built."""
    text = sparx_dsl.dump_spec(sparx_dsl.parse_spec(tiny()))
    target = tmp_path / "model.safetensors"
    spec = sparx_dsl.parse_spec(tiny(), limits=Limits(source_bytes=len(text)))
    sparx_dsl.save_checkpoint(sparx_dsl.build(spec), target)
    before = target.read_bytes()
    assert read_checkpoint(target, None, DEFAULT_CHECKPOINT_LIMITS).metadata[SPEC_KEY] == text
    narrow = spec.within(Limits(source_bytes=len(text) - 1))
    for call in (
        lambda: sparx_dsl.build(narrow, device="meta"),
        lambda: sparx_dsl.save_checkpoint(lower(plan(sparx_dsl.connect(narrow))), target),
        lambda: sparx_dsl.save_checkpoint(lower(plan(sparx_dsl.connect(narrow))), tmp_path / "other.safetensors"),
    ):
        with pytest.raises(SparxError) as refused:
            call()
        assert codes(refused) == ["SPX001"]
    assert [*tmp_path.iterdir()] == [target]
    assert target.read_bytes() == before


@pytest.mark.parametrize(("limit", "code"), [("nodes", "SPX003"), ("source_bytes", "SPX001")])
def test_an_edited_text_is_no_larger_than_the_limits(extension: Path, limit: str, code: str) -> None:
    """The text that ``sparx set`` gives keeps the limits on bytes, and with what it extends those on values."""
    whole = size_of(sparx_dsl.dump_spec(sparx_dsl.load_spec(extension)))
    most = {"nodes": whole, "source_bytes": max(len(EXTENSION), len(BASE))}[limit]
    changes = {"stages.1.layers.3": {"norm": "batch"}, "links.add.1": {"from": "s1.layer1", "to": "s1.layer12"}}
    assert sparx_dsl.edited_text(extension, {"name": "e"}, limits=Limits(**{limit: most}))
    with pytest.raises(SparxError) as refused:
        sparx_dsl.edited_text(extension, changes, limits=Limits(**{limit: most}))
    assert set(codes(refused)) == {code}
