"""The life of every buffer, checked exhaustively: all DAGs on up to six nodes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparx_dsl.schedule import Free, Run, Step, verify_steps
from sparx_dsl.schedule.bound import lower_bound
from sparx_dsl.schedule.lifetime import held_at_steps, held_bytes, with_frees
from sparx_dsl.schedule.values import IMAGES

MOST = 6
NAMES = tuple(f"b{i}" for i in range(MOST))
Dag = tuple[int, ...]
"""For each node the nodes before it that it reads, as a bit set."""


def dags(nodes: int) -> Iterator[Dag]:
    """Every DAG on that many nodes whose numbering is a topological order."""
    return itertools.product(*(range(1 << node) for node in range(nodes)))


def steps_of(dag: Dag) -> tuple[Run, ...]:
    """A step for each node, which reads its predecessors; the sources read the images."""
    return tuple(
        Run("", "dpe", tuple(NAMES[j] for j in range(i) if before >> j & 1) or (IMAGES,), NAMES[i], "")
        for i, before in enumerate(dag)
    )


def sinks(dag: Dag) -> tuple[int, ...]:
    """The nodes that nobody reads."""
    read = 0
    for before in dag:
        read |= before
    return tuple(i for i in range(len(dag)) if not read >> i & 1)


def sizes_of(dag: Dag) -> tuple[int, ...]:
    """A positive size for the images and for each node's buffer, mixed up from the DAG's own bits."""
    seed = sum(before << (i * (i - 1) // 2) for i, before in enumerate(dag)) + 1
    return tuple(1 + (seed * 2_654_435_761 >> (3 * i)) % 13 for i in range(len(dag) + 1))


def last_uses(dag: Dag, order: tuple[int, ...], kept: tuple[int, ...]) -> list[int]:
    """The place in ``order`` after which each buffer dies, the images first; past the end if it is kept."""
    place = {node: position for position, node in enumerate(order)}
    ends = [max(place[i] for i in order if not dag[i])]
    for node in range(len(dag)):
        readers = [place[i] for i in order if dag[i] >> node & 1]
        ends.append(len(order) if node in kept else max([place[node], *readers]))
    return ends


def peak_of(dag: Dag, order: tuple[int, ...], kept: tuple[int, ...], sizes: tuple[int, ...]) -> int:
    """The most that is held at one place of ``order``: everything that is born by then and dies no earlier."""
    ends = last_uses(dag, order, kept)
    births = [-1, *(order.index(node) for node in range(len(dag)))]
    held = [sum(size for size, a, b in zip(sizes, births, ends, strict=True) if a <= t <= b) for t in range(len(order))]
    return max(held)


def orders(dag: Dag) -> Iterator[tuple[int, ...]]:
    """Every order in which each node comes after those that it reads."""
    for order in itertools.permutations(range(len(dag))):
        done = 0
        for node in order:
            if dag[node] & ~done:
                break
            done |= 1 << node
        else:
            yield order


def named_sizes(sizes: tuple[int, ...]) -> dict[str, int]:
    return dict(zip((IMAGES, *NAMES), sizes, strict=False))


def frees(steps: tuple[Step, ...]) -> list[tuple[str, int]]:
    """The buffers freed, each with the number of steps that have run by then, less one."""
    found: list[tuple[str, int]] = []
    runs = -1
    for step in steps:
        if isinstance(step, Free):
            found.append((step.buffer, runs))
        else:
            runs += 1
    return found


def replayed_peak(steps: tuple[Step, ...], sizes: dict[str, int]) -> int:
    return max(sum(map(sizes.__getitem__, held)) for held in held_at_steps(steps, (IMAGES,)))


def check_lives(dag: Dag, kept: tuple[int, ...]) -> None:
    """One DAG with those nodes' buffers as outputs: frees, replay and peak against the definition."""
    outputs = tuple(NAMES[node] for node in kept)
    steps = with_frees(steps_of(dag), (IMAGES,), outputs)
    order, sizes = tuple(range(len(dag))), sizes_of(dag)
    ends = last_uses(dag, order, kept)
    expected = [(name, end) for name, end in zip((IMAGES, *NAMES), ends, strict=False) if end < len(dag)]
    assert sorted(frees(steps)) == sorted(expected)
    assert verify_steps(steps, (IMAGES,), outputs) == ()
    assert replayed_peak(steps, named_sizes(sizes)) == peak_of(dag, order, kept, sizes)


def test_every_buffer_dies_after_its_last_use_in_all_dags_up_to_six_nodes() -> None:
    """33,867 DAGs, all sinks kept: each buffer is freed right after its last use, and the peak is the true one."""
    count = 0
    for nodes in range(1, MOST + 1):
        for dag in dags(nodes):
            check_lives(dag, sinks(dag))
            count += 1
    assert count == 33_867


def test_what_is_never_read_dies_where_it_is_written() -> None:
    """With the last node alone as the output, any other sink is freed right after it is written."""
    count = 0
    for nodes in range(1, MOST):
        for dag in dags(nodes):
            check_lives(dag, (nodes - 1,))
            count += 1
    assert count == 1_099


def check_bound(dag: Dag, kept: tuple[int, ...]) -> bool:
    """The bound is at most the least peak over all orders, and equal to it where there is one order; if there is."""
    sizes = sizes_of(dag)
    bound = lower_bound(steps_of(dag), named_sizes(sizes), [NAMES[node] for node in kept])
    peaks = [peak_of(dag, order, kept, sizes) for order in orders(dag)]
    assert bound <= min(peaks)
    assert len(peaks) > 1 or bound == peaks[0]
    return len(peaks) == 1


def test_no_order_beats_the_lower_bound_in_all_dags_up_to_five_nodes() -> None:
    """1,099 DAGs, all sinks kept."""
    count = chains = 0
    for nodes in range(1, MOST):
        for dag in dags(nodes):
            chains += check_bound(dag, sinks(dag))
            count += 1
    # A single order needs each node to read the one before; the other pairs of nodes are free.
    assert (count, chains) == (1_099, 1 + 1 + 2 + 8 + 64)


def test_no_order_beats_the_lower_bound_whatever_is_kept() -> None:
    """All DAGs up to four nodes with every set of outputs: one that is written early is held to the end."""
    for nodes in range(1, MOST - 1):
        for dag in dags(nodes):
            for count in range(1, nodes + 1):
                for kept in itertools.combinations(range(nodes), count):
                    check_bound(dag, kept)


def moved(steps: tuple[Step, ...], place: int, to: int) -> tuple[Step, ...]:
    rest = [*steps[:place], *steps[place + 1 :]]
    return (*rest[:to], steps[place], *rest[to:])


def test_a_free_has_one_right_place() -> None:
    """In all DAGs up to four nodes, a free that is left out, doubled or moved past any step is reported."""
    broken = 0
    for dag in itertools.chain.from_iterable(dags(nodes) for nodes in range(1, 5)):
        outputs = tuple(NAMES[node] for node in sinks(dag))
        steps = with_frees(steps_of(dag), (IMAGES,), outputs)
        for place in [place for place, step in enumerate(steps) if isinstance(step, Free)]:
            wrong = [(*steps[:place], *steps[place + 1 :]), (*steps[: place + 1], *steps[place:])]
            right = sorted(frees(steps))
            moves = (moved(steps, place, to) for to in range(len(steps)))
            wrong += [other for other in moves if sorted(frees(other)) != right]
            for other in wrong:
                assert verify_steps(other, (IMAGES,), outputs), other
                broken += 1
    assert broken > 1_000


def run(output: str, *inputs: str) -> Run:
    return Run("", "dpe", inputs, output, "")


A, B, C = run("a", IMAGES), run("b", "a"), run("c", "b")

BROKEN: dict[str, tuple[Step, ...]] = {
    "a is freed early": (A, Free(IMAGES), Free("a"), B, C, Free("b")),
    "b reads a, which is freed": (A, Free(IMAGES), Free("a"), B, C, Free("b")),
    "a is freed late": (A, Free(IMAGES), B, C, Free("a"), Free("b")),
    "images is freed late": (A, B, Free(IMAGES), Free("a"), C, Free("b")),
    "a is freed while it is not held": (A, Free(IMAGES), B, Free("a"), Free("a"), C, Free("b")),
    "z is freed while it is not held": (A, Free(IMAGES), B, Free("a"), Free("z"), C, Free("b")),
    "b is never freed": (A, Free(IMAGES), B, Free("a"), C),
    "b reads a, which is not written": (B, C, Free("b"), Free(IMAGES)),
    "c reads a, which is freed": (A, Free(IMAGES), B, Free("a"), run("c", "b", "a"), Free("b")),
    "a is written twice": (A, Free(IMAGES), B, Free("a"), run("a", "b"), C, Free("b"), Free("a")),
    "images is written twice": (A, B, Free("a"), C, Free("b"), run(IMAGES, "c"), Free(IMAGES)),
    "the output c is freed": (A, Free(IMAGES), B, Free("a"), C, Free("b"), Free("c")),
    "the output c is not there at the end": (A, Free(IMAGES), B, Free("a"), Free("b")),
}  # fmt: skip


def test_a_sound_list_of_steps_passes() -> None:
    """The list that the broken ones below were made from has nothing wrong with it."""
    assert verify_steps((A, Free(IMAGES), B, Free("a"), C, Free("b")), (IMAGES,), ("c",)) == ()


@pytest.mark.parametrize("message", BROKEN)
def test_each_way_to_break_a_list_of_steps_is_reported(message: str) -> None:
    """``verify_steps`` has a message of its own for every way in which a life can be wrong."""
    assert message in verify_steps(BROKEN[message], (IMAGES,), ("c",))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcx")), max_size=12))
def test_bytes_are_the_sums_of_what_is_held(drawn: list[tuple[bool, str]]) -> None:
    """Of any list of steps, also where a buffer is written twice, or freed twice, or before it is written."""
    sizes = {"a": 1, "b": 10, "c": 100, "x": 1000}
    steps = tuple(Free(name) if frees else run(name) for frees, name in drawn)
    held = held_at_steps(steps, ("x",))
    assert list(held_bytes(steps, ("x",), sizes)) == [sum(sizes[name] for name in names) for names in held]


def test_a_free_before_every_step_is_early() -> None:
    """What is freed before anything ran is freed early, the images too."""
    assert "images is freed early" in verify_steps((Free(IMAGES), A, B, Free("a"), C, Free("b")), (IMAGES,), ("c",))


def test_an_input_that_nobody_reads_dies_at_once() -> None:
    """An input without a reader is freed right after the first step."""
    steps = with_frees((run("a", "x"), run("b", "a")), ("x", "y"), ("b",))
    assert frees(steps) == [("x", 0), ("y", 0), ("a", 1)]
    assert verify_steps(steps, ("x", "y"), ("b",)) == ()
