"""Which fast tests are those of each room, for mutation testing and coverage; the quickest, and most telling, first."""

from __future__ import annotations

from collections.abc import Mapping

ROOMS: Mapping[str, tuple[str, ...]] = {
    "reader": ("scalars", "compose", "compose_mistakes", "compose_limits", "compose_nesting", "compose_tags", "nodes",
               "quantities", "limits", "data_of_libraries", "read_sources", "hints", "extends", "spec"),
    "language": ("spec", "stage_names", "hints", "edit", "edit_layers", "edit_text", "extends", "ratios", "links",
                 "norm_places", "isotropic", "shrinking", "spec_json", "zoo", "schema", "notebook", "dtypes", "flow",
                 "read_sources", "kind_options", "registered_kinds", "broken_specs"),
    "graph": ("graph", "rule", "links", "verify_graph", "graph_text", "notebook"),
    "schedule": ("verify_buffers", "schedule", "schedule_outputs", "schedule_lifetimes", "lifetimes", "notebook"),
    "pricing": ("budgets", "prices", "priced_once", "kind_costs", "recompute_choice", "prices_exact", "notebook",
                "kind_modules", "fvcore_convention", "saved_bytes"),
    "lowering": ("generated_code", "isotropic", "build", "edited_layers", "features", "lowering", "backbone_methods",
                 "param_groups", "notebook", "kind_modules", "wrapped_models",
                 "recompute_choice", "lying_kinds"),
}  # fmt: skip
