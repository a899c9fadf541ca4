"""The file of tuned settings: where it lies, how it is read and written. Nothing that it says is trusted."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, cast, get_args

from sparx_dsl.errors import Code, Diagnostic, SparxError
from sparx_dsl.ops.triton_kernels.candidates import Direction
from sparx_dsl.ops.triton_kernels.settings import WalkSettings, WalkShape

FILE_VARIABLE: Final = "SPARX_TUNED_FILE"
"""Names the file; by default it is ``sparx_dsl/tuned.json`` in ``XDG_CACHE_HOME``, or else in ``~/.cache``."""
VERSION: Final = 1
"""Of the file's form."""
MOST_BYTES: Final = 1 << 20
MOST_CASES: Final = 2000
"""Where there are more, those that were added first are dropped."""
MOST_NUMBER: Final = 2**40
MOST_LETTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Case:
    """What settings are tuned for: a direction, a device (its name, capability and Triton's version), a shape."""

    direction: Direction
    device: str
    shape: WalkShape


Tuned = Mapping[Case, WalkSettings]


def tuned_path() -> Path:
    """Where the file is, or would be; raises ``SparxError`` (SPX557) where its folder is unknown."""
    named, folder = os.environ.get(FILE_VARIABLE), os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named)
    try:
        return (Path(folder) if folder else Path.home() / ".cache") / "sparx_dsl" / "tuned.json"
    except RuntimeError as error:
        message = f"the folder of the file of tuned settings is unknown: {error}"
        help = f"name a file in the environment variable {FILE_VARIABLE}"
        raise SparxError(Diagnostic(Code.INVALID_TUNED_FILE, message, help=help)) from None


def read_tuned(path: Path) -> dict[Case, WalkSettings]:
    """What the file says, in its order; nothing where there is none.

    Raises ``SparxError`` (SPX557) for one that cannot be read, or that is not as ``write_tuned`` writes it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _invalid(path, f"it cannot be read ({error})") from None
    if len(data) > MOST_BYTES:
        raise _invalid(path, f"it has more than {MOST_BYTES} bytes")
    try:
        return _parsed(json.loads(data.decode()))
    except (ValueError, RecursionError) as error:  # of JSON, of UTF-8, and our own
        raise _invalid(path, str(error)) from None


def write_tuned(path: Path, found: Tuned) -> None:
    """Put settings into the file beside those that are there, written whole or not at all.

    Raises ``SparxError`` where the file that is there is not such a file (SPX557), or cannot be written (SPX502).
    """
    known = read_tuned(path)
    kept = {case: settings for case, settings in known.items() if case not in found} | dict(found)
    last = list(kept.items())[-MOST_CASES:]
    entries = [asdict(case) | {"settings": asdict(settings)} for case, settings in last]
    text = json.dumps({"version": VERSION, "tuned": entries}, indent=1) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as part:
            try:
                part.write(text)
                part.close()
                os.replace(part.name, path)
            except BaseException:
                os.unlink(part.name)
                raise
    except (OSError, ValueError) as error:
        help = f"name another file in the environment variable {FILE_VARIABLE}"
        message = f"cannot write the tuned settings to {str(path)!r}: {error}"
        raise SparxError(Diagnostic(Code.FILE_NOT_WRITABLE, message, help=help)) from None


def _parsed(value: object) -> dict[Case, WalkSettings]:
    whole = _mapping(value, {"version", "tuned"})
    if whole["version"] != VERSION:
        raise ValueError(f"it is of version {str(whole['version'])[:20]}, and this is version {VERSION}")
    entries = whole["tuned"]
    if not isinstance(entries, list) or len(cast("list[object]", entries)) > MOST_CASES:
        raise ValueError(f"its entries are not a list of at most {MOST_CASES}")
    found: dict[Case, WalkSettings] = {}
    for entry in cast("list[object]", entries):
        given = _mapping(entry, {"direction", "device", "shape", "settings"})
        direction, device = given["direction"], given["device"]
        if direction not in get_args(Direction) or not isinstance(device, str) or len(device) > MOST_LETTERS:
            raise ValueError("an entry lacks a direction or a device")
        case = Case(cast(Direction, direction), device, WalkShape(**_numbers(given["shape"], WalkShape)))
        found[case] = WalkSettings(**_numbers(given["settings"], WalkSettings))
    return found


def _mapping(value: object, keys: set[str]) -> dict[str, object]:
    if not isinstance(value, dict) or set(cast("dict[str, object]", value)) != keys:
        raise ValueError(f"a mapping of {', '.join(sorted(keys))} is missing")
    return cast("dict[str, object]", value)


def _numbers(value: object, of: type[WalkShape | WalkSettings]) -> dict[str, Any]:
    """Integers and booleans, just as that class has them."""
    types = {field.name: bool if field.type == "bool" else int for field in fields(of)}
    given = _mapping(value, set(types))
    for name, each in given.items():
        if type(each) is not types[name] or not 0 <= cast(int, each) <= MOST_NUMBER:
            raise ValueError(f"{name} is not a {'boolean' if types[name] is bool else 'integer in its range'}")
    return given


def _invalid(path: Path, reason: str) -> SparxError:
    message = f"{str(path)!r} is not a file of tuned settings: {reason}"
    help = "delete it, and run sparx tune again; with SPARX_TUNE=0 it is not read"
    return SparxError(Diagnostic(Code.INVALID_TUNED_FILE, message, help=help))
