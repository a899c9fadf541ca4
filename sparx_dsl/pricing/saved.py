"""What a forward pass in training saves for the backward pass, step by step, recorded on one tape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sparx_dsl.pricing.steps import record_step
from sparx_dsl.pricing.tape.fake_tensor import Storage
from sparx_dsl.pricing.tape.tape import Tape
from sparx_dsl.schedule.step import IMAGES, Free, Gather, Run
from sparx_dsl.schedule.values import Schedule


@dataclass(frozen=True, slots=True)
class SavedStep:
    """What autograd saves at one step, in bytes for the batch.

    ``bytes`` is what the step saves and none before it has saved; ``inner`` is the part of it that no other step can
    read. ``between`` are the feature buffers and the images that this step is the first to read or to save, whether or
    not it saves what it reads; gathering copies, and holds nothing.
    """

    bytes: int
    inner: int
    between: int


@dataclass(frozen=True, slots=True)
class SavedPart:
    """What autograd saves of one part, in bytes for the batch.

    ``inner`` is saved inside the part and by nothing else, ``between`` are the feature buffers and the images that this
    part is the first to read or to save.
    """

    module: str
    inner: int
    between: int
    gathered: int = 0
    """The part of ``between`` that is a copy of features, concatenated for this part, which are held beside it in any
    case: what backward can concatenate again."""


def saved_parts(schedule: Schedule) -> tuple[SavedPart, ...]:
    """What each part saves in training, in the order in which they run; raises what ``saved_steps`` raises."""
    steps = [step for step in schedule.steps if not isinstance(step, Free)]
    copied = _copied(schedule, steps)
    return tuple(
        SavedPart(step.module, saved.inner, saved.between, copied.get(step.module, 0))
        for step, saved in zip(steps, saved_steps(schedule), strict=True)
        if isinstance(step, Run)
    )


def _copied(schedule: Schedule, steps: Sequence[Run | Gather]) -> dict[str, int]:
    """The bytes of what is gathered for each fusion, from features all of which parts have read by then, itself too.

    A feature alone is no copy. What an added link adapts is read by nothing else, and need not be held otherwise.
    """
    read: set[str] = set()
    copies: dict[str, tuple[str, ...]] = {}
    found: dict[str, int] = {}
    for step in steps:
        if isinstance(step, Gather):
            copies |= {step.output: step.inputs} if len(step.inputs) > 1 else {}
            continue
        read |= set(step.inputs)
        for name in step.inputs:
            if name in copies and read.issuperset(copies[name]):
                found[step.module] = schedule.buffers[name].bytes
    return found


def saved_steps(schedule: Schedule) -> tuple[SavedStep, ...]:
    """What every step but those that free a buffer saves, in their order.

    Raises ``SparxError`` for a kind that has no cost (SPX406), or a broken one (SPX407).
    """
    recording, found = Recording(schedule), list[SavedStep]()
    for step in schedule.steps:
        if isinstance(step, Free):
            del recording.buffers[step.buffer]
        else:
            found.append(recording.record(step))
    return tuple(found)


class Recording:
    """A forward pass as it is recorded: the tape, the current buffers, and the memory of features that steps hold."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.tape = Tape(schedule.dtype)
        self.buffers = {IMAGES: self.tape.new(*schedule.buffers[IMAGES].shape)}
        self.held: set[Storage] = set()

    def record(self, step: Run | Gather) -> SavedStep:
        """Record a step, whose result is a buffer from then on."""
        tape, before = self.tape, self.tape.saved_bytes
        inputs = tuple(self.buffers[name] for name in step.inputs)
        # What is gathered is copied, and nothing holds it for that.
        read = set[Storage]() if isinstance(step, Gather) else {each.storage for each in inputs}
        unsaved = {storage for storage in read if not tape.has_saved(storage)}
        output = self.buffers[step.output] = record_step(self.schedule, step, tape, inputs)
        saved = {storage for storage in unsaved | ({output.storage} - read) if tape.has_saved(storage)}
        first = (read | saved) - self.held
        self.held |= first
        amount = tape.saved_bytes - before
        return SavedStep(amount, amount - _bytes(saved), _bytes(first))


def _bytes(memory: set[Storage]) -> int:
    return sum(storage.bytes for storage in memory)
