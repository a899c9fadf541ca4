"""What came of loading: which tensors got which values, and which did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sparx_dsl.errors import counted

SHOWN = 8
"""Names of one kind that a text lists before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Resized:
    """A tensor that did not simply take over another's values: its name, both shapes, and what was done."""

    name: str
    source_shape: tuple[int, ...]
    shape: tuple[int, ...]
    how: str

    def __str__(self) -> str:
        return f"{self.name}: {shape_text(self.source_shape)} to {shape_text(self.shape)}, {self.how}"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """Where every tensor of a model has its values from, and what of the source was left; prints itself as text."""

    format: str
    """One of ``weights.formats.FORMATS``, or ``transfer`` from one model to another."""
    matched: tuple[str, ...] = ()
    """The model's tensors that now hold exactly the source's values."""
    resized: tuple[Resized, ...] = ()
    """The model's tensors whose source had another shape or order, and what was done about it."""
    missing: tuple[str, ...] = ()
    """The model's tensors that the source has nothing for: they are as they were."""
    unused: tuple[str, ...] = ()
    """The source's tensors, by its own names, that went nowhere."""
    computed: tuple[str, ...] = ()
    """The source's buffers, by its own names, that this project computes and so does not load."""
    unbuilt: tuple[str, ...] = ()
    """The source's tensors, by its own names, of parts that the model was built without, since it gives features."""
    identity: tuple[str, ...] = ()
    """The tensors of added layers that were set to 0, or scales to 1, so that the layers give what they are given."""
    notes: tuple[str, ...] = ()
    """What else a person should know: roles that changed, values that were rounded."""

    @property
    def complete(self) -> bool:
        """Whether every tensor of the model holds exactly the source's values, and nothing was left over."""
        return not (self.resized or self.missing or self.unused or self.identity)

    def __repr__(self) -> str:
        found = {
            "matched": self.matched, "resized": self.resized, "missing": self.missing, "unused": self.unused,
            "computed": self.computed, "unbuilt": self.unbuilt, "identity": self.identity, "notes": self.notes,
        }  # fmt: skip
        counts = [f"{len(tensors)} {word}" for word, tensors in found.items() if tensors]
        return f"LoadReport({', '.join([repr(self.format), *counts])})"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.format}: {counted(len(self.matched), 'tensor')} loaded as they are"
        yield from _section("changed to fit", [str(each) for each in self.resized])
        yield from _section("set so that added layers begin as the identity", self.identity)
        yield from _section("missing in the source, left as they were", self.missing)
        yield from _section("unused tensors of the source", self.unused)
        if self.computed:
            yield f"computed here, so not loaded: {counted(len(self.computed), 'buffer')}"
        if self.unbuilt:
            yield f"of parts that this model was built without: {counted(len(self.unbuilt), 'tensor')}"
        yield from (f"note: {note}" for note in self.notes)


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as messages show it: ``96×3×4×4``, ``number`` for a scalar."""
    return "×".join(map(str, shape)) if shape else "number"


def shortened(names: list[str] | tuple[str, ...]) -> list[str]:
    """The first few of the names, and how many more there are."""
    rest = len(names) - SHOWN
    return [*names[:SHOWN], *([f"and {rest:,} more"] if rest > 0 else [])]


def _section(title: str, names: list[str] | tuple[str, ...]) -> Iterator[str]:
    if names:
        yield f"{title}: {len(names):,}"
        yield from (f"    {name}" for name in shortened(names))
