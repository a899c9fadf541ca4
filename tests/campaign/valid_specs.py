"""Valid specs of every key, loaded, connected, planned, priced, built and run: bitwise what an oracle computes.

The oracle (``tests/support/spec_oracle.py``) reads the plain values, and shares no code with graph, schedule and
lowering.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Iterator
from io import BytesIO
from typing import Any, cast

import torch
from torch import Tensor

import sparx_dsl
from sparx_dsl.lowering import Backbone
from tests.campaign.drawn import numbered
from tests.campaign.findings import Findings
from tests.support.modules import draw_values, no_initial_values
from tests.support.scans import threads
from tests.support.spec_oracle import Mapping, said
from tests.support.spec_oracle_run import SpecOracle
from tests.support.spec_paths import dumped
from tests.support.strategies import spec_mappings
from tests.support.witness import witness


def run_specs(numbers: range, seed: int) -> Findings:
    """Run the drawn specs of these numbers; compare all that was promised with what the oracle says and what was
    seen.
    """
    findings = Findings()
    keys = findings.seen.setdefault("keys and kinds that were drawn", set())
    with threads(1):
        for number, spec in numbered(spec_mappings(most_stages=3, deepest=4), seed, numbers):
            keys.update(keys_of(spec))
            rng = random.Random(f"{seed} {number}")
            try:
                mode, faults = faults_of(spec, rng)
            except Exception:
                mode, faults = "an exception", [traceback.format_exc()]
            findings.outcomes[f"{mode}: {'a fault' if faults else 'the same bits'}"] += 1
            findings.faults += [f"spec {number} of seed {seed}: {fault}\n{spec}" for fault in faults]
    return findings


def faults_of(spec: Mapping, rng: random.Random) -> tuple[str, list[str]]:
    """In which mode a spec was run, and what is not as it was said."""
    read = sparx_dsl.parse_spec(dumped(spec) if rng.random() < 0.5 else spec)
    graph = sparx_dsl.connect(read)
    stages = tuple(sorted(rng.sample(range(1, len(read.stages) + 1), rng.randint(1, len(read.stages)))))
    features = stages if rng.random() < 0.25 else None
    schedule = sparx_dsl.plan(graph, features=features)
    torch.manual_seed(rng.getrandbits(32))
    with no_initial_values():
        model = sparx_dsl.build(read, features=features)
    draw_values(model, rng.getrandbits(32))
    faults = [*_misread(spec, graph)]
    if features is None:
        promised = sparx_dsl.cost(read)
        found = sum(each.numel() for each in model.parameters())
        faults += [f"{promised.params} parameters priced, {found} built"] if promised.params != found else []
    training = rng.random() < 0.3
    images = torch.randn(2 if training else 1, read.input.channels, *read.input.size)
    results, other = compared(spec, model.train(training), images, features)
    faults += other
    finite = all(bool(each.isfinite().all()) for each in results)
    mode = ("training" if training else "evaluation") + (", maps" if features else "")
    mode += "" if finite else ", not finite"
    planned = [schedule.buffers[name].shape[1:] for name in schedule.outputs]
    given = [tuple(each.shape[1:]) for each in (_run(model.eval(), images) if training else results)]
    faults += [f"shapes {given}, not {planned} as planned"] if given != planned else []
    if rng.random() < 0.1:
        with witness(model) as seen:
            model(images[:1])
        faults += seen.complaints
    if rng.random() < 0.03:
        faults += rebuilt(model, images)
    return mode, faults


def compared(
    spec: Mapping, model: Backbone, images: Tensor, features: tuple[int, ...] | None
) -> tuple[list[Tensor], list[str]]:
    """The results, how they differ from the oracle's, and which tensors of the model it has no use for."""
    state = model.state_dict()
    oracle = SpecOracle(spec, state, training=model.training)
    results = _run(model, images)
    with torch.no_grad():
        torch.manual_seed(0)
        maps = oracle.maps(images, max(features) if features else None)
    last = [stage.layers[-1].name for stage in oracle.stages]
    expected = [maps[last[stage - 1]] for stage in features or ()]
    expected = expected or _several(maps["head"] if "head" in maps else maps[last[-1]])
    faults: list[str] = []
    if len(results) != len(expected) or not all(map(_same_bits, results, expected)):
        faults.append("other results than the oracle's")
    unused = set(state) - oracle.used
    return results, [*faults, *([f"{sorted(unused)} are not used"] if unused else [])]


def rebuilt(model: Backbone, images: Tensor) -> list[str]:
    """How a copy that was written to memory and read again, from its spec and its weights alone, differs."""
    file = BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    text = sparx_dsl.dump_spec(model.spec)
    again = sparx_dsl.build(sparx_dsl.parse_spec(text), features=model.schedule.features).eval()
    again.load_state_dict(torch.load(file, weights_only=True))
    same = all(map(torch.equal, _run(model, images), _run(again, images))) and again.code == model.code
    return [] if same else ["another backbone after its spec was dumped and its weights saved"]


def keys_of(value: Any, path: object = "") -> Iterator[str]:
    """The keys of all mappings within, and the kinds, each by where it stands."""
    if isinstance(value, dict):
        for key, inner in cast("dict[object, Any]", value).items():
            yield f"{path}={inner}" if key == "kind" else f"{path}.{key}"
            yield from keys_of(inner, key if isinstance(key, str) else path)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from keys_of(inner, path)


def _misread(spec: Mapping, graph: sparx_dsl.ConnectionGraph) -> Iterator[str]:
    """Layers that read something else in the graph than by the oracle."""
    heard: dict[str, list[tuple[int, str]]] = {}
    for edge in graph.edges:
        if edge.slot is not None and edge.kind != "tap":
            heard.setdefault(edge.target, []).append((edge.slot, edge.source))
    for layer in (each for stage in said(spec) for each in stage.layers):
        found = tuple(source for _, source in sorted(heard.get(layer.name, [])))
        if found != layer.reads:
            yield f"{layer.name} reads {found}, not {layer.reads}"


def _run(model: Backbone, images: Tensor) -> list[Tensor]:
    torch.manual_seed(0)
    with torch.no_grad():
        return _several(model(images))


def _same_bits(found: Tensor, expected: Tensor) -> bool:
    return torch.equal(found.view(torch.int32), expected.view(torch.int32))


def _several(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)
