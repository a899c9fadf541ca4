"""What to write instead: the last line of a diagnostic about a key or a value."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import cast

from sparx_dsl.errors import closest, plural, quoted, visible
from sparx_dsl.language.checks.describe_schema import KeyPath, Slot, walk
from sparx_dsl.reader.quantities import similar_quantity
from sparx_dsl.reader.tree import Node, locate

VERSION = 1
"""The version of the language."""
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18})?")
_LAYER = re.compile(r"layer([1-9][0-9]{0,3})")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")
_WITHOUT_COLON = re.compile(r"([A-Za-z_]\w*)(?: +|:|(?=[{\[]))(\S.*)")
_FRACTION = re.compile(r"([0-9]{1,6}) ?/ ?([1-9][0-9]{0,5})")
_SIDES = re.compile(r"([1-9][0-9]{0,5}) ?[x×, ] ?([1-9][0-9]{0,5})")


def shown(value: object) -> str:
    """A value as a message refers to it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        count = len(cast("list[object] | tuple[object, ...]", value))
        return f"a list of {count} {plural(count, 'item')}" if count else "an empty list"
    return str(value)[:60]


def is_word(value: object, slot: Slot) -> bool:
    """Whether a wrong value was meant as one of the slot's words."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return False
    return any(type(word) is type(value) for word in slot.words)


def value_advice(value: object, slot: Slot) -> str | None:
    """What to write in place of a value of the wrong type, or of a word that is none of the choices."""
    if slot.takes("object") and not slot.kinds and not isinstance(value, Mapping | list):
        keys = [key for branch in slot.branches() for key in branch.required]
        return f"write {{{', '.join(f'{key}: …' for key in keys)}}}" if keys else None
    if isinstance(value, str):
        return _text_advice(value, slot)
    if slot.words == (VERSION,):
        return f"this release reads version {VERSION} of the language: write {VERSION}"
    if isinstance(value, bool):
        return "write none" if "none" in slot.words and not value else None
    if isinstance(value, int | float) and slot.takes("number") and 1 < value <= 100 and slot.at_most_one:
        return f"{value:g} % is {value / 100:g}: write {value / 100:g}"
    if isinstance(value, float):
        return f"write {int(value)}" if value.is_integer() and slot.takes("integer") else None
    if isinstance(value, int):
        return f"write [{value}]" if slot.takes("array") and not slot.takes("integer") else None
    if isinstance(value, Mapping) and slot.takes("array"):
        return "begin every item with '- '"
    return "write key: value in place of the items" if isinstance(value, list) and slot.takes("object") else None


def _text_advice(value: str, slot: Slot) -> str | None:
    """What to write in place of a text."""
    if slot.kinds:
        return f"write {{kind: {value if value in slot.kinds else closest(value, slot.kinds) or slot.kinds[0]}}}"
    if _NUMBER.fullmatch(value) and (slot.takes("integer", "number") or VERSION in slot.words):
        return f"write {value} without quotes"
    if value.lower() in ("true", "false") and slot.takes("boolean"):
        return f"write {value.lower()} without quotes"
    if slot.takes("integer") and (number := _LAYER.fullmatch(value)):
        return f"write {number[1]}"
    if slot.takes("number") and (percent := _PERCENT.fullmatch(value)):
        return f"write {float(percent[1]) / 100:g}"
    if slot.takes("number") and (fraction := _FRACTION.fullmatch(value)):
        # Rounded up, so that rounding down so many channels gives what the fraction does.
        return f"write {math.ceil(int(fraction[1]) * 10**6 / int(fraction[2])) / 10**6:.8g}"
    sides = _SIDES.fullmatch(value)
    if slot.amount_of is not None and (amount := similar_quantity(value, of_bytes=slot.amount_of == "bytes")):
        counted = "; multiply-accumulates are counted, of which one is two FLOPs" if "flop" in value.lower() else ""
        return f"write {amount}{counted}"
    if sides and slot.takes("array") and slot.takes("integer"):
        return f"write [{sides[1]}, {sides[2]}]"
    guess = closest(value, [word for word in slot.words if isinstance(word, str)])
    return None if guess is None else f"did you mean {quoted(guess)}?"


def without_colon(name: str, slot: Slot) -> str | None:
    """What to write for a key that has its value in it, since a colon is missing: ``stem: {…}`` for ``stem {kind``."""
    found = _WITHOUT_COLON.fullmatch(name)
    if found is None or found[1] not in slot.fields():
        return None
    closing = {"{": "}", "[": "]"}.get(found[2][0])
    value = found[2][:40] if closing is None else f"{found[2][0]}…{closing}"
    return visible(f"{found[1]}: {value}")


def meant(name: str, slot: Slot) -> str | None:
    """The key that was probably meant."""
    legal = list(slot.fields())
    if (found := _WITHOUT_COLON.fullmatch(name)) is not None and found[1] in legal:
        return found[1]
    synonym = SYNONYMS.get(name.lower())
    return next((key for key in synonym or () if key in legal), None) or closest(name, legal)


def name_advice(text: str, slot: Slot) -> str:
    """A name that is close to a text that is none."""
    if slot.is_place:
        parts = re.sub(r"[^a-z0-9_.]+", "_", text.lower()).strip("_.").split(".")[:2]
        fits = all(re.fullmatch(r"[a-z][a-z0-9_]{0,63}", part) for part in parts)
        return f"write {'.'.join(parts)}" if fits and parts != [text] else "write for example stage3.layer4"
    words = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:64]
    return f"write for example {words if words[:1].isalpha() else f'backbone_{words}'.strip('_')[:64]}"


def where_key_belongs(root: Node, path: KeyPath, name: str) -> str | None:
    """Where a key that stands in the wrong mapping belongs: one level further in, or further out."""
    inside = list(_mappings_inside(walk(root, path)[1], name))
    if inside:
        inner = "layer" if "layer" in inside else inside[0]
        return f"it belongs in {inner}: write {inner}: {{{name}: …}}"
    for length in range(len(path) - 1, -1, -1):
        found, slot = walk(root, path[:length])
        if len(found) == length and name in slot.fields():
            outer = locate(root, path[:length]).path
            return f"it belongs {f'in {outer}' if outer else 'at the top level'}"
    return None


def _mappings_inside(slot: Slot, name: str) -> Iterator[str]:
    """The keys whose mappings have a key of that name."""
    for key, inner in slot.fields().items():
        if name != "kind" and not inner.takes("array") and name in inner.fields():
            yield key


SYNONYMS = {
    "block": ("depth",), "blocks": ("depth",), "num_blocks": ("depth",), "num_layers": ("depth",),
    "c": ("channels",), "dim": ("channels",), "dims": ("channels",), "embed_dim": ("channels",), "width": ("channels",),
    "in_channels": ("channels",), "in_chans": ("channels",),
    "stride": ("S",), "window": ("M",), "cross": ("cross_stage",),
    "type": ("kind",), "class": ("kind",), "op": ("kind",), "_target_": ("kind",),
    "num_classes": ("classes",), "resolution": ("size",), "image_size": ("size",),
    "kernel": ("conv", "size"), "kernel_size": ("conv", "size"), "d_conv": ("conv",), "d_state": ("state",),
    "dt_rank": ("rank",), "num_heads": ("heads",), "head_dim": ("head_width",), "window_size": ("window",),
    "mlp_ratio": ("ratio",), "ssm_ratio": ("expand",), "expansion": ("ratio", "expand"), "patch_size": ("size",),
    "drop_path_rate": ("drop_path",),
    "backbone": ("name",), "version": ("sparx",), "source": ("from",), "target": ("to",), "remove": ("cut",),
}  # fmt: skip
"""What other code bases call a key, in lower case, and the keys of the language that it may stand for."""
