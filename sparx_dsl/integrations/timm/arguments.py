"""The arguments of timm's models: as edits of a spec, as indices, and those that cannot be followed."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from sparx_dsl import Code, Diagnostic, SparxError, Spec
from sparx_dsl.integrations.timm.config import NO_CLASSES, num_classes_of
from sparx_dsl.schedule import plain_value


def edited(
    spec: Spec,
    num_classes: int | None = None,
    in_chans: int | None = None,
    img_size: int | Sequence[int] | None = None,
    drop_path_rate: float | None = None,
) -> Spec:
    """The spec with these values where they are given; 0 classes leave its head as it is, if it is one for classes.

    Raises ``SparxError``: SPX560 for a head that does not classify, and for values what the spec says of them.
    """
    changes: dict[str, object] = {}
    if num_classes:
        changes["head"] = {"kind": "linear", "classes": num_classes}
    elif num_classes_of(spec) == NO_CLASSES:
        if num_classes is None:
            message = f"the head {spec.head.kind} gives no classes, as the heads of timm's models do"
            raise invalid_option(message, "write num_classes=0 to leave it out, or a number of classes")
        changes["head"] = {"kind": "none"}
    if in_chans is not None:
        changes["input.channels"] = in_chans
    if img_size is not None:
        changes["input.size"] = img_size
    if drop_path_rate is not None:
        changes["drop_path"] = drop_path_rate
    return spec.edit(changes) if changes else spec


def chosen_indices(count: int, indices: int | Sequence[int] | None) -> list[int]:
    """The indices from 0 of some of so many stages: of the last n, of those listed (-1 is the last one), or of all.

    Raises ``SparxError`` (SPX560) for those that are not there.
    """
    if indices is None:
        return list(range(count))
    listed = [*(range(-int(indices), 0) if isinstance(indices, int | Integral) else map(plain_value, indices))]
    found = [each % count for each in listed if isinstance(each, int) and -count <= each < count]
    if not listed or len(found) < len(listed):
        message = f"invalid indices {indices!r} of a backbone that runs {count} stages"
        raise invalid_option(message, f"write how many of the last, 1 to {count}, or a list of -{count} to {count - 1}")
    return found


def without_head() -> SparxError:
    """The error of pooling, or of classes, where the spec has no head or its last stage was removed."""
    message = "the backbone has no head, so that nothing is pooled or classified"
    return invalid_option(message, "create it with num_classes=…, which gives it a head, or write global_pool=''")


def invalid_option(message: str, help: str) -> SparxError:
    """The error (SPX560) of an argument that a timm model cannot follow."""
    return SparxError(Diagnostic(Code.INVALID_INTEGRATION_OPTION, message, help=help))
