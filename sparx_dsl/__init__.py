"""A language for hierarchical vision backbones with sparse cross-layer connections, compiled to PyTorch.

Every public name is imported from its module when it is first asked for, so that ``import sparx_dsl`` imports no
other package: not pydantic, not networkx, and not torch, which only ``build`` and calls about weights need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sparx_dsl import search
    from sparx_dsl.api import (
        build,
        check,
        connect,
        cost,
        deploy,
        difference,
        doctor,
        dot,
        draw,
        load_checkpoint,
        plan,
        prices,
        recompute,
        render_diagnostics,
        save_checkpoint,
        scan_backend,
        summary,
        transfer,
    )
    from sparx_dsl.codes import explain_code
    from sparx_dsl.errors import Code, Diagnostic, SparxError
    from sparx_dsl.graph import ConnectionGraph, verify_graph
    from sparx_dsl.kind import Kind
    from sparx_dsl.language.editor_schema import json_schema
    from sparx_dsl.language.spec import Spec, dump_spec, load_spec, parse_spec
    from sparx_dsl.paper import paper_page
    from sparx_dsl.pricing import Cost, Totals, check_prices
    from sparx_dsl.reader.limits import Limits
    from sparx_dsl.registry import register
    from sparx_dsl.render import cost_table, report, write_text
    from sparx_dsl.schedule import Schedule, verify_schedule
    from sparx_dsl.search import (
        RayOptions,
        Space,
        StudyResult,
        Trial,
        TrialRecord,
        default_study,
        load_space,
        make_space,
        parse_space,
        read_study,
        run_study,
        study_picture,
        study_table,
        write_winners,
    )

__version__ = "0.1.0"

__all__ = [
    "Code",
    "ConnectionGraph",
    "Cost",
    "Diagnostic",
    "Kind",
    "Limits",
    "RayOptions",
    "Schedule",
    "Space",
    "SparxError",
    "Spec",
    "StudyResult",
    "Totals",
    "Trial",
    "TrialRecord",
    "__version__",
    "build",
    "check",
    "check_prices",
    "connect",
    "cost",
    "cost_table",
    "default_study",
    "deploy",
    "difference",
    "doctor",
    "dot",
    "draw",
    "dump_spec",
    "explain_code",
    "json_schema",
    "load_checkpoint",
    "load_space",
    "load_spec",
    "make_space",
    "paper_page",
    "parse_space",
    "parse_spec",
    "plan",
    "prices",
    "read_study",
    "recompute",
    "register",
    "render_diagnostics",
    "report",
    "run_study",
    "save_checkpoint",
    "scan_backend",
    "search",
    "study_picture",
    "study_table",
    "summary",
    "transfer",
    "verify_graph",
    "verify_schedule",
    "write_text",
    "write_winners",
]

MODULES: Final = {
    "Code": "sparx_dsl.errors",
    "ConnectionGraph": "sparx_dsl.graph",
    "Cost": "sparx_dsl.pricing",
    "Diagnostic": "sparx_dsl.errors",
    "Kind": "sparx_dsl.kind",
    "Limits": "sparx_dsl.reader.limits",
    "RayOptions": "sparx_dsl.search",
    "Schedule": "sparx_dsl.schedule",
    "Space": "sparx_dsl.search",
    "SparxError": "sparx_dsl.errors",
    "Spec": "sparx_dsl.language.spec",
    "StudyResult": "sparx_dsl.search",
    "Totals": "sparx_dsl.pricing",
    "Trial": "sparx_dsl.search",
    "TrialRecord": "sparx_dsl.search",
    "build": "sparx_dsl.api",
    "check": "sparx_dsl.api",
    "check_prices": "sparx_dsl.pricing",
    "connect": "sparx_dsl.api",
    "cost": "sparx_dsl.api",
    "cost_table": "sparx_dsl.render",
    "default_study": "sparx_dsl.search",
    "deploy": "sparx_dsl.api",
    "difference": "sparx_dsl.api",
    "doctor": "sparx_dsl.api",
    "dot": "sparx_dsl.api",
    "draw": "sparx_dsl.api",
    "dump_spec": "sparx_dsl.language.spec",
    "explain_code": "sparx_dsl.codes",
    "json_schema": "sparx_dsl.language.editor_schema",
    "load_checkpoint": "sparx_dsl.api",
    "load_space": "sparx_dsl.search",
    "load_spec": "sparx_dsl.language.spec",
    "make_space": "sparx_dsl.search",
    "paper_page": "sparx_dsl.paper",
    "parse_space": "sparx_dsl.search",
    "parse_spec": "sparx_dsl.language.spec",
    "plan": "sparx_dsl.api",
    "prices": "sparx_dsl.api",
    "read_study": "sparx_dsl.search",
    "recompute": "sparx_dsl.api",
    "register": "sparx_dsl.registry",
    "render_diagnostics": "sparx_dsl.api",
    "report": "sparx_dsl.render",
    "run_study": "sparx_dsl.search",
    "save_checkpoint": "sparx_dsl.api",
    "scan_backend": "sparx_dsl.api",
    "search": "sparx_dsl.search",
    "study_picture": "sparx_dsl.search",
    "study_table": "sparx_dsl.search",
    "summary": "sparx_dsl.api",
    "transfer": "sparx_dsl.api",
    "verify_graph": "sparx_dsl.graph",
    "verify_schedule": "sparx_dsl.schedule",
    "write_text": "sparx_dsl.render",
    "write_winners": "sparx_dsl.search",
}
"""The module that each public name is imported from."""

if not TYPE_CHECKING:  # to a type checker a module with this function has every name, misspelt ones too

    def __getattr__(name: str) -> object:
        """A public name, from its module."""
        module = MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = import_module(module)
        return found if module == f"{__name__}.{name}" else getattr(found, name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
