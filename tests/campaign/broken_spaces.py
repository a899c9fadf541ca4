"""Search spaces with one value or key of another kind: refused at a place of the text, or read as a space."""

from __future__ import annotations

import copy
import random
import time
import traceback
from typing import Any

import sparx_dsl
from sparx_dsl.search import parse_space
from tests.campaign.findings import Findings
from tests.support.spec_paths import dumped, paths, value_at

SPEC: dict[str, Any] = {
    "sparx": 1, "name": "base", "input": {"size": 32}, "stem": {"kind": "conv"},
    "layer": {"mixer": {"kind": "ss2d"}, "fusion": {"kind": "dmca", "groups": 4}},
    "stages": [{"channels": 8, "depth": 2}, {"channels": 16, "depth": 3, "S": 2, "M": "all", "cross_stage": "first"}],
    "head": {"kind": "linear", "classes": 3},
}  # fmt: skip
SPACE: dict[str, Any] = {
    "space": 1, "name": "tried", "spec": SPEC,
    "choices": {
        "stages.2.S": [1, 2, 3],
        "stages.*.channels": {"from": 8, "to": 16, "step": 8},
        "stages.2.depth": {"values": [2, 3], "when": {"stages.2.S": [1, 2]}},
        "width": {"at": {"stages.1.layer.ffn": [{"kind": "mlp"}, {"kind": "none"}], "head.classes": [3, 4]}},
        "skip": {"link": {"from": "stem", "to": "stage2.layer2"}},
    },
    "bounds": {"params": {"most": "5M"}, "macs": {"least": 10, "most": "2G"}},
}  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2, 10**6, 10**30, 0.5, float("nan"), float("inf"), "", "x", "stage2.layer2", "5M", "*",
    "stages.*.S", "é" * 40, "\x1b[31m", [], [[]], [None], [1, 1], [1, [2]], list(range(300)), {}, {"": 1}, {1: 2},
    {"values": []}, {"from": 0, "to": 10**12}, {"at": "stages.1.S", "values": [1]}, {"link": []}, {"when": {}},
    {"from": 1, "to": 3, "step": -1}, {"kind": "ss2d"}, {"kind": ["mlp"]}, {"most": "1GiB"}, {"most": -1},
)  # fmt: skip
KEYS: tuple[Any, ...] = ("", "x", 1, -1, True, 0.5, "stages.0.S", "stages.99.S", "stages.2", "stages.*", "*", ".", "..",
                         "stages.2.layers.*.dpe", "links", "name", "é", "a" * 300, "stages.2.S.S")  # fmt: skip


def break_spaces(count: int, seed: int) -> Findings:
    """Put another value or key at a random path of a space, one at a time."""
    findings, slowest = Findings(), 0.0
    for number in range(count):
        name, text = broken(random.Random(f"{seed} {number}"))
        begun = time.process_time()
        outcome = answer(text)
        slowest = max(slowest, time.process_time() - begun)
        findings.outcomes[outcome.partition(":")[0]] += 1
        if outcome not in ("refused at a place", "a space"):
            findings.faults.append(f"{name}, attack {number} of seed {seed}: {outcome}")
    findings.measured |= {
        "values and keys that are tried": str(len(VALUES) + len(KEYS)),
        "slowest answer": f"{slowest:.2f} s of CPU",
    }
    return findings


def broken(rng: random.Random) -> tuple[str, str]:
    """A way to break the space, and its text."""
    space = copy.deepcopy(SPACE)
    path = rng.choice([each for each in paths(space) if each[0] != "spec" or rng.random() < 0.2])
    holder, last = value_at(space, path[:-1]), path[-1]
    ways = ["value", "gone", *(["key", "more"] if isinstance(holder, dict) else [])]
    way = rng.choice(ways)
    if way == "value":
        holder[last] = rng.choice(VALUES)
    elif way == "key":
        holder[rng.choice(KEYS)] = holder.pop(last)
    elif way == "more":
        holder[rng.choice(KEYS)] = rng.choice(VALUES)
    else:
        del holder[last]
    return f"{way} at {'.'.join(map(str, path))}", dumped(space)


def answer(text: str) -> str:
    """What is said to a text that may be a space."""
    try:
        parse_space(text)
    except sparx_dsl.SparxError as error:
        found = all(each.where.span is not None for each in error.diagnostics)
        return "refused at a place" if found else f"refused without a place: {error}\n{text}"
    except Exception:
        return f"another exception: {traceback.format_exc()}\n{text}"
    return "a space"
