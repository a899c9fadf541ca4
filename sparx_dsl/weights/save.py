"""Writing checkpoints: our own format, which carries the spec, and those of the released models."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import secrets
from collections.abc import Generator, Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from sparx_dsl.errors import Diagnostic, SourceText, SparxError, Where, quoted
from sparx_dsl.lowering import Backbone
from sparx_dsl.spec import dump_spec
from sparx_dsl.weights.assess import expected_tensors
from sparx_dsl.weights.load import FEATURES_KEY, LANGUAGE_KEY, SPEC_KEY, model_tensors
from sparx_dsl.weights.mistakes import listed
from sparx_dsl.weights.names import ReleasedFormat
from sparx_dsl.weights.recognise import named_format
from sparx_dsl.weights.released import departures
from sparx_dsl.weights.report import shortened
from sparx_dsl.weights.swin import computed_buffers


def save_checkpoint(model: Backbone, path: str | os.PathLike[str], *, format: str = "sparx_dsl") -> None:
    """Write a backbone's weights: as ``sparx_dsl`` to a .safetensors file with its spec, from which ``load_model``
    rebuilds it; as ``sparx_mamba``, ``vmamba`` or ``swin`` to a .pth file that the released code loads.

    The file appears whole or not at all. Raises ``SparxError``: SPX502 where it cannot be written, SPX621, SPX640 for
    a backbone that the format has no names for, SPX641 for another ending.
    """
    target = Path(path)
    where = Where(source=SourceText(str(target), ""))
    chosen = named_format(format, where)
    endings = (".safetensors",) if chosen == "sparx_dsl" else (".pth", ".pt")
    if target.suffix not in endings:
        message = f"{quoted(target.name)} has not the ending of a checkpoint in the format {chosen}"
        raise SparxError(Diagnostic("SPX641", message, where, help=f"write {' or '.join(endings)}"))
    if chosen == "sparx_dsl":
        _write_ours(model, target, where)
    else:
        state = released_state(model, chosen)
        with _appearing(target, where) as part:
            torch.save({"model": state}, part)


def released_state(model: Backbone, format: ReleasedFormat) -> dict[str, Tensor]:
    """The weights under the names and in the shapes of a released format, with the buffers that its code computes.

    Raises ``SparxError`` (SPX640) for a backbone with parts that the format has no names for, or with settings that
    names and shapes do not show and the released code does not have.
    """
    tensors = _plain(model_tensors(model))
    names = expected_tensors(tensors, format)
    nameless = [name for name, theirs in names.items() if theirs is None]
    advice = "write it as sparx_dsl; a released format holds only what its own models have"
    if nameless:
        raise SparxError(listed("SPX640", f"have no name in the format {format}", nameless, Where(), advice))
    odd = shortened([*departures(model.schedule.graph, format)])
    if odd:
        message = f"code that reads the format {format} would compute something else with these weights"
        raise SparxError(Diagnostic("SPX640", message, notes=tuple(odd), help=advice))
    state = {theirs.name: tensors[name].reshape(theirs.shape) for name, theirs in names.items() if theirs is not None}
    if format == "swin":
        dtype = next(value.dtype for value in tensors.values() if value.is_floating_point())
        state |= computed_buffers(model.schedule.graph, dtype)
    return state


def _write_ours(model: Backbone, target: Path, where: Where) -> None:
    metadata = {
        "format": "sparx_dsl",
        SPEC_KEY: dump_spec(model.spec),
        LANGUAGE_KEY: str(model.spec.sparx),
        "sparx_dsl": importlib.metadata.version("sparx_dsl"),
        "torch": str(torch.__version__),
    }
    if model.schedule.features is not None:
        metadata[FEATURES_KEY] = ",".join(map(str, model.schedule.features))
    with _appearing(target, where) as part:
        tensors = _plain(model_tensors(model))
        safetensors.torch.save_file(tensors, part, metadata)  # pyright: ignore[reportUnknownMemberType]


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, each with its values in one row; raises ``SparxError`` (SPX630) where there are none."""
    if any(value.is_meta for value in tensors.values()):
        raise SparxError(Diagnostic("SPX630", "the model was built on the device meta, so it has no weights to write"))
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


@contextlib.contextmanager
def _appearing(target: Path, where: Where) -> Generator[Path, None, None]:
    """A path beside the target to write to, renamed to it at the end; nothing is left of it when writing fails."""
    part = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(target)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SparxError(Diagnostic("SPX502", f"the file cannot be written: {reason}", where)) from None
    finally:
        part.unlink(missing_ok=True)
