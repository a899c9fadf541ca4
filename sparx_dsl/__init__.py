"""A language for hierarchical vision backbones with sparse cross-layer connections, compiled to PyTorch.

Every public name is imported from its module when it is first asked for, so that ``import sparx_dsl`` imports no
other package: not pydantic, not networkx, and not torch, which only ``build`` and calls about weights need.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sparx_dsl import analysis, search
    from sparx_dsl.api import (
        build,
        check,
        connect,
        cost,
        deploy,
        load_checkpoint,
        param_groups,
        plan,
        prices,
        recompute,
        save_checkpoint,
        transfer,
    )
    from sparx_dsl.codes import explain_code
    from sparx_dsl.descriptions import (
        compare,
        difference,
        difference_listing,
        dot,
        draw,
        front_picture,
        render_diagnostics,
        summary,
        summary_listing,
        write_report,
        write_study_report,
    )
    from sparx_dsl.errors import Code, Diagnostic, SparxError
    from sparx_dsl.exporting import ExportReport, export, export_listing
    from sparx_dsl.files import check_files, find_files
    from sparx_dsl.graph import ConnectionGraph, verify_graph
    from sparx_dsl.html_report import written_report
    from sparx_dsl.inference.cuda_graph import cuda_graph
    from sparx_dsl.kind import Kind
    from sparx_dsl.language.dtypes import read_dtype
    from sparx_dsl.language.edit_text import edited_text, read_assignment
    from sparx_dsl.language.editor_schema import json_schema
    from sparx_dsl.language.spec import Spec, dump_spec, load_spec, parse_spec, spec_text
    from sparx_dsl.language.zoo import list_specs
    from sparx_dsl.lowering import Backbone
    from sparx_dsl.machine import bench, doctor, doctor_listing, paper_throughput, scan_backend, tune
    from sparx_dsl.nn.layer import LinkAdapter
    from sparx_dsl.nn.stage import Layer, Stage
    from sparx_dsl.paper import paper_listing, paper_page
    from sparx_dsl.pricing import Cost, Totals, check_prices
    from sparx_dsl.reader.limits import Limits
    from sparx_dsl.registry import register
    from sparx_dsl.render import Listing, Picture, cost_listing, cost_table, report, write_text
    from sparx_dsl.render.zoo_table import zoo_listing, zoo_table
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
        study_listing,
        study_picture,
        study_table,
        write_winners,
    )

__version__ = "0.1.0"

__all__ = [
    "Backbone",
    "Code",
    "ConnectionGraph",
    "Cost",
    "Diagnostic",
    "ExportReport",
    "Kind",
    "Layer",
    "Limits",
    "LinkAdapter",
    "Listing",
    "Picture",
    "RayOptions",
    "Schedule",
    "Space",
    "SparxError",
    "Spec",
    "Stage",
    "StudyResult",
    "Totals",
    "Trial",
    "TrialRecord",
    "__version__",
    "analysis",
    "bench",
    "build",
    "check",
    "check_files",
    "check_prices",
    "compare",
    "connect",
    "cost",
    "cost_listing",
    "cost_table",
    "cuda_graph",
    "default_study",
    "deploy",
    "difference",
    "difference_listing",
    "doctor",
    "doctor_listing",
    "dot",
    "draw",
    "dump_spec",
    "edited_text",
    "explain_code",
    "export",
    "export_listing",
    "find_files",
    "front_picture",
    "json_schema",
    "list_specs",
    "load_checkpoint",
    "load_space",
    "load_spec",
    "make_space",
    "paper_listing",
    "paper_page",
    "paper_throughput",
    "param_groups",
    "parse_space",
    "parse_spec",
    "plan",
    "prices",
    "read_assignment",
    "read_dtype",
    "read_study",
    "recompute",
    "register",
    "render_diagnostics",
    "report",
    "run_study",
    "save_checkpoint",
    "scan_backend",
    "search",
    "spec_text",
    "study_listing",
    "study_picture",
    "study_table",
    "summary",
    "summary_listing",
    "transfer",
    "tune",
    "verify_graph",
    "verify_schedule",
    "write_report",
    "write_study_report",
    "write_text",
    "write_winners",
    "written_report",
    "zoo_listing",
    "zoo_table",
]

_NAMES: Final = {
    "sparx_dsl.analysis": "analysis",
    "sparx_dsl.api": (
        "build check connect cost deploy load_checkpoint param_groups plan prices recompute save_checkpoint transfer"
    ),
    "sparx_dsl.codes": "explain_code",
    "sparx_dsl.descriptions": (
        "compare difference difference_listing dot draw front_picture render_diagnostics summary summary_listing "
        "write_report write_study_report"
    ),
    "sparx_dsl.errors": "Code Diagnostic SparxError",
    "sparx_dsl.exporting": "ExportReport export export_listing",
    "sparx_dsl.files": "check_files find_files",
    "sparx_dsl.graph": "ConnectionGraph verify_graph",
    "sparx_dsl.html_report": "written_report",
    "sparx_dsl.inference.cuda_graph": "cuda_graph",
    "sparx_dsl.kind": "Kind",
    "sparx_dsl.language.edit_text": "edited_text read_assignment",
    "sparx_dsl.language.dtypes": "read_dtype",
    "sparx_dsl.language.editor_schema": "json_schema",
    "sparx_dsl.language.spec": "Spec dump_spec load_spec parse_spec spec_text",
    "sparx_dsl.language.zoo": "list_specs",
    "sparx_dsl.lowering": "Backbone",
    "sparx_dsl.machine": "bench doctor doctor_listing paper_throughput scan_backend tune",
    "sparx_dsl.nn.layer": "LinkAdapter",
    "sparx_dsl.nn.stage": "Layer Stage",
    "sparx_dsl.paper": "paper_listing paper_page",
    "sparx_dsl.pricing": "Cost Totals check_prices",
    "sparx_dsl.reader.limits": "Limits",
    "sparx_dsl.registry": "register",
    "sparx_dsl.render": "Listing Picture cost_listing cost_table report write_text",
    "sparx_dsl.render.zoo_table": "zoo_listing zoo_table",
    "sparx_dsl.schedule": "Schedule verify_schedule",
    "sparx_dsl.search": (
        "RayOptions Space StudyResult Trial TrialRecord default_study load_space make_space parse_space read_study "
        "run_study search study_listing study_picture study_table write_winners"
    ),
}
"""The public names of each module."""

MODULES: Final = {name: module for module, names in _NAMES.items() for name in names.split()}
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
