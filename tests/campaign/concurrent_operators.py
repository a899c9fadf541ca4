"""Operators called from several threads at once, and in processes forked from one whose threads have worked.

    python -m tests.campaign.concurrent_operators SEED COUNT

Prints one JSON object; a process of its own, since forks and threads might end or stop it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from tests.support.operator_attacks import TARGETS, Arguments, call, unlike
from tests.support.scans import threads

PATIENCE = 20
"""Seconds that a forked process may take for its calls."""
AT_ONCE = 4
OF_PYTORCH = frozenset(
    {
        "layer_norm",
        "depthwise",
        "depthwise_backward",
        "interleaved_depthwise",
        "product",
        "convolution",
        "channel_product",
        "channel_product_backward",
    }
)
"""Those that PyTorch's own kernels compute on a CPU; they wait for ever in such forks with more than one thread."""


@dataclass(frozen=True)
class Call:
    """An operator, arguments that fit, and what it has to return for them."""

    name: str
    arguments: Arguments
    expected: Sequence[Tensor]

    def fault(self) -> str | None:
        """What is wrong with the result, if anything; copies are passed, since some operators write over arguments."""
        copies = [value.clone() if isinstance(value, Tensor) else value for value in self.arguments]
        wrong = unlike(call(self.name, copies), self.expected)
        return None if wrong is None else f"{self.name}: {wrong}"


def compiled(arguments: Arguments) -> Arguments:
    """The arguments with the compiled backend for any other: PyTorch's own operators can't be called in such forks."""
    return [*arguments[:-1], "cpu"] if arguments[-1] in ("", "torch", "reference") else arguments


def drawn(rng: random.Random) -> list[Call]:
    """Calls of some operators."""
    torch.manual_seed(rng.getrandbits(32))
    made = [(target, compiled(target.arguments(rng))) for target in rng.sample(TARGETS, AT_ONCE)]
    return [Call(target.name, arguments, target.expected(arguments)) for target, arguments in made]


def in_threads(rng: random.Random) -> list[str]:
    """What is wrong with calls from several threads at once."""
    calls = drawn(rng)

    def work(_: int) -> list[str]:
        with threads(2):
            return [fault for each in calls if (fault := each.fault()) is not None]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [f"in threads: {fault}" for faults in pool.map(work, range(AT_ONCE)) for fault in faults]


def in_a_fork(rng: random.Random) -> list[str]:
    """What is wrong with calls in a process forked from this one, after its threads have worked."""
    calls = drawn(rng)
    with threads(2):
        for each in calls:
            each.fault()
        child = os.fork()
        if not child:
            signal.alarm(PATIENCE)
            wrong = True
            try:
                wrong = any(each.fault() for each in calls if each.name not in OF_PYTORCH)
                torch.set_num_threads(1)
                wrong = wrong or any(each.fault() for each in calls)
            finally:
                os._exit(wrong)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    names = ", ".join(each.name for each in calls)
    return [] if status == 0 else [f"in a fork: {names}: ended with {status}"]


def main(seed: int, count: int) -> None:
    """Call from threads and in forks in turn, and print how many groups of calls went well, and what went wrong."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    for index in range(count):
        name, attack = (("threads", in_threads), ("forks", in_a_fork))[index % 2]
        found = attack(random.Random(f"{seed} concurrent {index}"))
        outcomes[f"groups of calls in {name}"] += 1
        faults += found
    print(json.dumps({"outcomes": outcomes, "wrong": faults}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
