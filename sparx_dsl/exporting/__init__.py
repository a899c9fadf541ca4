"""Files for other runtimes: a backbone as .pt2, ONNX or an AOTInductor package, checked by the runtime of each."""

from sparx_dsl.exporting.export_model import export as export
from sparx_dsl.exporting.report import ExportReport as ExportReport
from sparx_dsl.exporting.report import export_listing as export_listing
