"""What a package that uses this one may hold: pyright checks it with the tests, in strict mode, and mypy in one."""

from __future__ import annotations

from pathlib import Path

import sparx_dsl


def widths(name: str) -> dict[str, int]:
    """The channels of every stage."""
    spec = sparx_dsl.load_spec(name)
    return {stage.name or str(number): stage.channels for number, stage in enumerate(spec.stages, start=1)}


def thinner(name: str) -> sparx_dsl.Spec:
    """A spec with half of its channels."""
    spec = sparx_dsl.load_spec(name)
    return spec.edit({f"stages.{number}.channels": stage.channels // 2 for number, stage in enumerate(spec.stages, 1)})


def heaviest(*specs: sparx_dsl.Spec, size: tuple[int, int]) -> sparx_dsl.Spec:
    """The one with the most MACs."""
    return max(specs, key=lambda spec: sparx_dsl.cost(spec, size=size).macs)


def peak(spec: sparx_dsl.Spec) -> tuple[int, list[str]]:
    """The peak of feature buffers in bytes, and the layers that run."""
    graph = sparx_dsl.connect(spec)
    schedule = sparx_dsl.plan(graph, size=(64, 64), batch=1, dtype="float32")
    return schedule.peak_bytes, [node.name for node in graph.layers()]


def trained(spec: sparx_dsl.Spec, path: Path) -> int | None:
    """The number of parameters of a backbone that was built and saved; None where it cannot be."""
    try:
        model = sparx_dsl.build(spec, features=(1, -1), device="cpu")
        sparx_dsl.save_checkpoint(model, path)
    except sparx_dsl.SparxError as error:
        for diagnostic in error.diagnostics:
            print(diagnostic.code, diagnostic.message)
        return None
    count: int = sum(parameter.numel() for parameter in model.parameters())
    return count
