"""The JSON Schema beside the loader: what the schema refuses the loader refuses, and what it cannot see is listed."""

from __future__ import annotations

import json
import random
from typing import Any

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

import sparx_dsl
from sparx_dsl import Code
from tests.campaign.broken_specs import mutants
from tests.campaign.drawn import drawn
from tests.campaign.findings import Findings
from tests.support.strategies import spec_mappings

ONLY_THE_LOADER = frozenset({
    # How a value is written: a schema sees values.
    Code.YAML_TAG, Code.YAML_ANCHOR, Code.YAML_MERGE_KEY, Code.DUPLICATE_KEY, Code.AMBIGUOUS_VALUE, Code.INVALID_NUMBER,
    Code.CONTROL_CHARACTER,
    # What ties several keys together.
    Code.RESERVED_NAME, Code.NAME_OF_ANOTHER_POSITION, Code.DUPLICATE_STAGE_NAME, Code.GANGLION_LAYERS_PLACED_TWICE,
    Code.STRIDE_EXCEEDS_DEPTH, Code.WINDOW_EXCEEDS_DEPTH, Code.NO_GANGLION_LAYERS, Code.LAYER_EXCEEDS_DEPTH,
    Code.GANGLION_LIST_NOT_RISING, Code.DOWNSAMPLE_IN_FIRST_STAGE,
    # Links, whose ends are names of nodes.
    Code.UNKNOWN_LINK_NODE, Code.LINK_NOT_FORWARD, Code.LINK_TO_NON_LAYER, Code.DUPLICATE_LINK,
    Code.CUT_WITHOUT_CONNECTION,
    # A null, by which a file that extends another removes a key.
    Code.MISSING_VALUE,
})  # fmt: skip
"""Codes of errors of which a schema cannot know."""
RULES_OF_KINDS = ("SPX210", "SPX299")
"""From the first to the last code of what kinds have against their options and their places."""


def compare_with_schema(count: int, seed: int) -> Findings:
    """Give drawn specs, and each broken in every way that it has a place for, to the schema and to the loader."""
    findings, made = Findings(), 0
    schema = Draft202012Validator(sparx_dsl.json_schema())
    for number, spec in enumerate(drawn(spec_mappings(most_stages=3), seed)):
        if made >= count:
            break
        texts = [("nothing", json.dumps(spec))]
        texts += [(name, mutant.text) for name, mutant in mutants(spec, random.Random(f"{seed} {number}"))]
        for name, text in texts:
            outcome = compared(text, schema)
            findings.outcomes[outcome.partition(":")[0]] += 1
            made += 1
            if ":" in outcome:
                findings.faults.append(f"{name}, spec {number} of seed {seed}: {outcome}")
    return findings


def compared(text: str, schema: Draft202012Validator) -> str:
    """What both say to a text; with a colon where they should agree and do not."""
    try:
        sparx_dsl.connect(sparx_dsl.parse_spec(text))
        code = None
    except sparx_dsl.SparxError as error:
        code = error.diagnostics[0].code
    try:
        value: Any = json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))
    except (YAMLError, TypeError, ValueError):
        return (
            "no text of YAML 1.2 without tags, refused by the loader" if code else f"unreadable, and accepted: {text}"
        )
    refused = next(iter(schema.iter_errors(value)), None)
    if refused is None:
        known = code is None or code in ONLY_THE_LOADER or RULES_OF_KINDS[0] <= code <= RULES_OF_KINDS[1]
        return ("accepted by both" if code is None else "refused by the loader alone, as listed") if known else (
            f"refused by the loader alone: {code}\n{text}"
        )  # fmt: skip
    return "refused by both" if code else f"refused by the schema alone: {refused.message}\n{text}"
