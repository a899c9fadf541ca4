"""What the options of kinds declare to the compiler; of kinds of other packages every value is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar, cast

from sparx_dsl.errors import Code, Diagnostic, SparxError, exception_text, visible
from sparx_dsl.kind import Facet, Kind, load
from sparx_dsl.language.base import MAX_CHANNELS, KindOptions, Problem, Site
from sparx_dsl.language.roles import DownsampleOptions, HeadOptions, MixerOptions, Role, StemOptions
from sparx_dsl.language.shrinking import Shrinking, total
from sparx_dsl.registry import default_registry

FacetT = TypeVar("FacetT")

MAX_PROJECTED: Final = 64 * MAX_CHANNELS
"""Channels of a mixer's input projection."""
MAX_STRIDE: Final = 1024


def options_fault(role: Role, options: KindOptions, site: Site) -> str | None:
    """What is wrong with what the options declare at that site, or None; those of built-in kinds are trusted."""
    kind = default_registry().of(role, options)
    if kind.builtin:
        return None
    for name, declared, is_right in _declarations(options, site):
        try:
            value = declared()
            right = is_right(value)
        except Exception as error:  # what another package raises becomes a diagnostic that names it
            return f"the options of {kind} fail: {name} raises {exception_text(error)}"
        if not right:
            return f"the options of {kind} are invalid: {name} returns {_shown(value)}"
    if isinstance(options, DownsampleOptions) and not kind.runs:
        if options.total_stride != 1:
            return f"{kind} has no module, so its total_stride must be 1, got {options.total_stride}"
        if site.channels != site.out_channels:
            return f"{kind} has no module, so the channels must stay {site.channels}, got {site.out_channels}"
    return None


def problems_of(role: Role, options: KindOptions, site: Site) -> Iterator[Problem]:
    """The problems of the options at that site."""
    kind = default_registry().of(role, options)
    if kind.builtin:
        yield from options.problems(site)
        return
    try:
        found = list(options.problems(site))
    except Exception as error:
        yield _problem(kind, f"fail: problems raises {exception_text(error)}")
        return
    for problem in found:
        yield problem if _is_problem(problem) else _problem(kind, f"are invalid: problems returns {_shown(problem)}")


def head_output(head: HeadOptions, channels: int, height: int, width: int, image: tuple[int, int]) -> tuple[int, ...]:
    """``head.output`` for a map of that shape; raises ``SparxError`` (SPX408) where that is no shape."""
    kind = default_registry().of("head", head)
    if kind.builtin:
        return head.output(channels, height, width, image)
    try:
        shape = head.output(channels, height, width, image)
        fault = None if _is_shape(shape) else f"are invalid: output returns {_shown(shape)}"
    except Exception as error:
        shape, fault = (), f"fail: output raises {exception_text(error)}"
    if fault is not None:
        problem = _problem(kind, fault)
        raise SparxError(Diagnostic(problem.code, f"{problem.message}, at head", help=problem.help))
    return shape


def load_facet(kind: Kind, facet: Facet | None, what: str, expected: type[FacetT]) -> FacetT | None:
    """A facet of a kind that carries one; None where it has none.

    Raises ``SparxError`` (SPX413), which calls it ``what``, where that of another package fails or is nothing of the
    ``expected`` type.
    """
    if facet is None:
        return None
    try:
        found: object = load(facet)
        fault = None if isinstance(found, expected) else f"is not a {expected.__name__}"
    except Exception as error:
        if kind.builtin:
            raise
        found, fault = None, f"cannot be loaded: {exception_text(error)}"
    if isinstance(found, expected):
        return found
    raise SparxError(Diagnostic(Code.INVALID_KIND_FACET, f"the {what} of {kind} {fault}", help=fault_of(kind)))


def fault_of(kind: Kind) -> str:
    """The last line of a message about a kind of another package that breaks."""
    return f"this is an error in {kind.owner or 'what was registered'}, not in the spec"


def _declarations(
    options: KindOptions, site: Site
) -> Iterator[tuple[str, Callable[[], object], Callable[[object], bool]]]:
    """Each thing that options declare, by name, with how to ask for it and what it must be."""
    yield "hash", lambda: hash(options), lambda _: True
    yield "canonical", lambda: options.canonical(site), lambda value: isinstance(value, dict)
    if isinstance(options, DownsampleOptions):
        yield "total_stride", lambda: options.total_stride, lambda value: _is_count(value, MAX_STRIDE)
        yield "shrinkings", lambda: options.shrinkings, lambda value: _are_shrinkings(value, options.total_stride)
    elif isinstance(options, StemOptions):
        yield "stride", lambda: options.stride, lambda value: _is_count(value, MAX_STRIDE)
        yield "shrinkings", lambda: options.shrinkings, lambda value: _are_shrinkings(value, options.stride)
    elif isinstance(options, MixerOptions):
        yield "projected", lambda: options.projected(site.channels), lambda value: _is_count(value, MAX_PROJECTED)
        yield "has_projection", lambda: options.has_projection, lambda value: isinstance(value, bool)
        yield "projection_bias", lambda: options.projection_bias, lambda value: isinstance(value, bool)
    elif isinstance(options, HeadOptions):
        yield "reads_all_stages", lambda: options.reads_all_stages, lambda value: isinstance(value, bool)


def _problem(kind: Kind, fault: str) -> Problem:
    return Problem("kind", Code.INVALID_KIND_OPTIONS, f"the options of {kind} {fault}", fault_of(kind))


def _shown(value: object) -> str:
    if value is None or isinstance(value, int | float | str):
        return visible(str(value)[:60])
    return str(cast("object", value))[:60] if isinstance(value, tuple) else f"a {type(value).__name__}"


def _is_problem(value: object) -> bool:
    if not isinstance(value, Problem):
        return False
    texts = (value.field, value.code, value.message, "" if value.help is None else value.help)
    return all(isinstance(cast("object", text), str) for text in texts)


def _is_count(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _are_shrinkings(value: object, stride: int) -> bool:
    """Whether these are steps that together shrink a side by the stride."""
    if not isinstance(value, tuple):
        return False
    steps = cast("tuple[object, ...]", value)
    kept = [each for each in steps if isinstance(each, Shrinking)]
    right = (_is_count(each.by, MAX_STRIDE) and isinstance(cast("object", each.crops), bool) for each in kept)
    return len(kept) == len(steps) and all(right) and total(tuple(kept)) == stride


def _is_shape(value: object) -> bool:
    return isinstance(value, tuple) and all(_is_count(side, 2**40) for side in cast("tuple[object, ...]", value))
