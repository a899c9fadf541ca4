"""Checkpoints made hostile: bytes, headers, archives and pickles of each format, by a random number."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from tests.support.hostile_pickles import Marker

State = dict[str, Tensor]
NAMES = ("os system", "posix system", "builtins eval", "builtins exec", "subprocess Popen", "torch load",
         "torch.hub load", "torch.jit load", "torch.storage _load_from_bytes", "torch._utils _rebuild_tensor_v2",
         "importlib import_module",
         "collections OrderedDict", "torch.serialization load", "builtins getattr", "operator attrgetter",
         "torch.nn.modules.linear Linear", "pickle loads", "sparx_dsl.weights load_model", "codecs encode")  # fmt: skip
JUNK: tuple[Any, ...] = (None, -1, 0, 2**63, 10**400, 1.5, True, "", "x", [], [0], {}, {"a": 1}, [[0, 8]], "F7", "F32")


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut out, put in, or the end gone."""
    found = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(len(found)) if rng.random() < 0.5 else rng.randrange(min(len(found), 2_000))
        way = rng.randrange(4)
        if way == 0:
            found[place] = rng.randrange(256)
        elif way == 1:
            del found[place : place + rng.choice([1, 8, 64])]
        elif way == 2:
            found[place:place] = rng.randbytes(rng.choice([1, 8, 64]))
        else:
            del found[place + 1 :]
        if not found:
            break
    return bytes(found)


def headed(content: bytes, rng: random.Random) -> bytes:
    """A safetensors file whose header is valid JSON with something else somewhere."""
    length = int(struct.unpack("<Q", content[:8])[0])
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    name = rng.choice(list(header))
    holder = header if rng.random() < 0.3 else header[name]
    key = name if holder is header else rng.choice(list(holder))
    way = rng.randrange(4)
    if way == 0:
        holder[key] = rng.choice(JUNK)
    elif way == 1:
        holder[rng.choice(["x", "\x1b[2J", "../up", "__metadata__", "a" * 300])] = holder.pop(key)
    elif way == 2:
        holder.setdefault("__metadata__", {})["spec"] = rng.choice(
            ["", "sparx: 1", "!!python/name:os.system", "[" * 999]
        )
    else:
        del holder[key]
    text = json.dumps(header).encode()
    lie = rng.choice([0, 0, 0, 1, -1, 2**40, 2**63])
    return struct.pack("<Q", max(0, len(text) + lie)) + text + content[8 + length :]


def pickled(state: State, mark: Path, rng: random.Random) -> bytes:
    """A pickle that calls something or names something, in an archive or as older versions wrote them."""
    if rng.random() < 0.5:
        evil = Marker(mark, os.mkdir) if rng.random() < 0.5 else Marker(mark)
        place = rng.choice(["evil", next(iter(state)), "model"])
        saved = io.BytesIO()
        torch.save({**state, place: evil}, saved, _use_new_zipfile_serialization=rng.random() < 0.5)
        return saved.getvalue()
    module, name = rng.choice(NAMES).split()
    call = pickle.dumps((str(mark),), protocol=2)[2:-1] + b"R" if rng.random() < 0.7 else b""
    program = b"\x80\x02c" + f"{module}\n{name}\n".encode() + call + b"."
    if rng.random() < 0.3:
        return program
    return archived([("model/data.pkl", program), ("model/version", b"3\n"), ("model/byteorder", b"little")])


def rearchived(content: bytes, rng: random.Random) -> bytes:
    """The members of an archive compressed, renamed, repeated, exchanged, left out or enlarged with zeros."""
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        members = [(name, source.read(name)) for name in source.namelist()]
    place = rng.randrange(len(members))
    name, data = members[place]
    way = rng.randrange(6)
    if way == 0:
        del members[place]
    elif way == 1:
        members[place] = (rng.choice(["../up", "/absolute", name.upper(), "x" * 300, "model/code/evil.py"]), data)
    elif way == 2:
        members.append((name.upper() if rng.random() < 0.5 else "archive/constants.pkl", data))
    elif way == 3:
        members[place] = (name, members[rng.randrange(len(members))][1])
    elif way == 4:
        members[place] = (name, b"\0" * 2**22)
    else:
        members[place] = (name, damaged(data, rng) if data else b"x")
    return archived(members, zipfile.ZIP_DEFLATED if rng.random() < 0.4 or way == 4 else zipfile.ZIP_STORED)


def archived(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of those members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return made.getvalue()


def saved(state: State, *, legacy: bool) -> bytes:
    """What ``torch.save`` writes."""
    made = io.BytesIO()
    torch.save({"model": state}, made, _use_new_zipfile_serialization=not legacy)
    return made.getvalue()


def hostile_file(state: State, metadata: dict[str, str], mark: Path, rng: random.Random) -> tuple[str, str, bytes]:
    """The name of an attack, a file extension, and the file's bytes."""
    tensors, archive = safetensors.torch.save(state, metadata), saved(state, legacy=False)
    ways: list[tuple[str, str, Callable[[], bytes]]] = [
        ("bytes of safetensors", "safetensors", lambda: damaged(tensors, rng)),
        ("header of safetensors", "safetensors", lambda: headed(tensors, rng)),
        ("pickle", "pth", lambda: pickled(state, mark, rng)),
        ("members of an archive", "pth", lambda: rearchived(archive, rng)),
        ("bytes of an archive", "pth", lambda: damaged(archive, rng)),
        ("bytes of an older file", "pth", lambda: damaged(saved(state, legacy=True), rng)),
        (
            "another format",
            rng.choice(["safetensors", "pth"]),
            lambda: rng.choice([tensors, archive, b"", b"\0" * 4096]),
        ),
    ]
    name, extension, make = rng.choice(ways)
    return name, extension, make()
