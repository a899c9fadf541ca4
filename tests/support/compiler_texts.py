"""All that the compiler makes of some specs, as text; ``python -m tests.support.compiler_texts`` prints it as JSON."""

from __future__ import annotations

import json

import sparx_dsl
from sparx_dsl.search.canonical_form import fingerprint
from tests.support.backbones import mixed, scans
from tests.support.spec_oracle import Mapping

SPECS: dict[str, Mapping] = {"mixed": mixed(), "scans": scans()}


def compiler_texts() -> dict[str, str]:
    """By spec and kind of text: what is dumped, connected, planned, priced, drawn, and the code of the module."""
    found: dict[str, str] = {}
    for name, plain in SPECS.items():
        spec = sparx_dsl.parse_spec(plain)
        graph = sparx_dsl.connect(spec)
        schedule = sparx_dsl.plan(graph)
        model = sparx_dsl.build(spec, device="meta")
        texts = {
            "dump": sparx_dsl.dump_spec(spec),
            "graph": str(graph),
            "schedule": str(schedule),
            "cost": str(sparx_dsl.cost(spec)),
            "hash": fingerprint(graph),
            "dot": sparx_dsl.dot(graph),
            "svg": sparx_dsl.draw(graph).svg,
            "code": model.code,
            "modules": repr(model),
            "weights": "\n".join(model.state_dict()),
        }
        found |= {f"{name}: {kind}": text for kind, text in texts.items()}
    return found


if __name__ == "__main__":
    print(json.dumps(compiler_texts()))
