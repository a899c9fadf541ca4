"""One spec written in other ways: the same spec, graph, schedule and price, and a dump that reads as the same again."""

from __future__ import annotations

import json
import random
import re
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import yaml

import sparx_dsl
from sparx_dsl.search import fingerprint
from tests.campaign.drawn import drawn
from tests.campaign.findings import Findings
from tests.support.spec_paths import DUMPER, dumped
from tests.support.strategies import spec_mappings

Mapping = dict[str, Any]
RENAMED = "other names: the same hash and prices"


def rewrite_specs(count: int, seed: int) -> Findings:
    """Write drawn specs in other ways, and compare what comes of them with what came of the first text."""
    findings, made = Findings(), 0
    with TemporaryDirectory() as folder:
        for number, spec in enumerate(drawn(spec_mappings(most_stages=3), seed)):
            if made >= count:
                break
            expected = outcome_of(spec)
            findings.outcomes[outcome := renamed_outcome(spec)] += 1
            made += 1
            if outcome != RENAMED:
                findings.faults.append(f"spec {number} of seed {seed}: {outcome}")
            for name, text in rewritten(spec, random.Random(f"{seed} {number}"), Path(folder)).items():
                found = outcome_of(text)
                same = found == expected
                findings.outcomes[f"{name}: {'the same' if same else 'another'}"] += 1
                made += 1
                if not same:
                    findings.faults.append(f"{name}, spec {number} of seed {seed}: {found}, not {expected}")
    return findings


def rewritten(spec: Mapping, rng: random.Random, folder: Path) -> dict[str, str | Path | Mapping]:
    """Texts, files and values that mean the same."""
    block = dumped(spec)
    flow = yaml.dump(spec, Dumper=DUMPER, sort_keys=False, default_flow_style=True, width=10_000)
    texts: dict[str, str | Path | Mapping] = {
        "keys in another order": dumped(shuffled(spec, rng)),
        "comments and blank lines": "".join(f"# {rng.random()}\n\n{line} # said\n" for line in block.splitlines()),
        # PyYAML writes y and n without the quotes that the language asks for.
        "flow style": re.sub(r": ([yn])(?=[,}])", r": '\1'", flow),
        "JSON": json.dumps(spec),
        "a dump": sparx_dsl.dump_spec(sparx_dsl.parse_spec(spec)),
        "a dump of a dump": sparx_dsl.dump_spec(sparx_dsl.parse_spec(sparx_dsl.dump_spec(sparx_dsl.parse_spec(spec)))),
        "overrides written out": written_out(spec),
    }
    (folder / "base.yaml").write_text(dumped({**spec, "name": "base", "head": {"kind": "none"}}), encoding="utf-8")
    path = folder / "extending.yaml"
    path.write_text(dumped({"extends": "base.yaml", "name": spec["name"], "head": spec["head"]}), encoding="utf-8")
    # A head of another kind takes the place of the base's, and a budget is the base's own.
    return texts | {"extends": path}


def renamed_outcome(spec: Mapping) -> str:
    """Whether other names of the backbone and its stages change neither the hash of the graph nor a price."""
    found = {identity(value) for value in (spec, renamed(spec))}
    return RENAMED if len(found) == 1 else f"other names: {found}"


def identity(spec: Mapping) -> tuple[object, ...]:
    """The hash of a spec's graph, and what it costs."""
    try:
        parsed = sparx_dsl.parse_spec(spec)
        price = sparx_dsl.cost(parsed)
        return fingerprint(parsed), price.params, price.macs, price.peak_bytes
    except sparx_dsl.SparxError as error:
        return tuple(diagnostic.code for diagnostic in error.diagnostics)


def renamed(spec: Mapping) -> Mapping:
    """The spec under another name, with names of their own for all stages, also in links."""
    old = [stage.get("name", f"stage{number}") for number, stage in enumerate(spec["stages"], start=1)]
    new = {name: f"renamed_{number}" for number, name in enumerate(old, start=1)}
    stages = [{**stage, "name": new[name]} for name, stage in zip(old, spec["stages"], strict=True)]

    def end(place: str) -> str:
        stage, dot, rest = place.partition(".")
        return f"{new.get(stage, stage)}{dot}{rest}"

    links = {
        action: [{key: end(place) for key, place in link.items()} for link in edits]
        for action, edits in spec.get("links", {}).items()
    }
    return {**spec, "name": "another", "stages": stages} | ({"links": links} if links else {})


def shuffled(value: Any, rng: random.Random) -> Any:
    """The value with the keys of every mapping in another order."""
    if isinstance(value, dict):
        items = list(cast(Mapping, value).items())
        rng.shuffle(items)
        return {key: shuffled(inner, rng) for key, inner in items}
    return [shuffled(inner, rng) for inner in cast("list[Any]", value)] if isinstance(value, list) else value


def written_out(spec: Mapping) -> Mapping:
    """The spec with what all layers share repeated in every stage that does not say otherwise."""
    shared = spec["layer"]
    stages = [{**stage, "layer": {**shared, **stage.get("layer", {})}} for stage in spec["stages"]]
    return {**spec, "stages": stages}


def read(given: str | Path | Mapping) -> sparx_dsl.Spec:
    """A spec from a file, a text or values."""
    return sparx_dsl.load_spec(given) if isinstance(given, Path) else sparx_dsl.parse_spec(given)


def outcome_of(given: str | Path | Mapping) -> str:
    """The connections, steps and price of a spec as text, or what is raised instead."""
    try:
        spec = read(given)
        schedule = sparx_dsl.plan(sparx_dsl.connect(spec))
        price = sparx_dsl.cost(spec)
        edges = [f"{edge}" for edge in schedule.graph.edges]
        return f"{edges}\n{schedule}\n{price.params} {price.macs} {price.peak_bytes}"
    except sparx_dsl.SparxError as error:
        return f"refused: {error}"
    except Exception:
        return traceback.format_exc()
