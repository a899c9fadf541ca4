"""Files for other runtimes: a backbone as .pt2, ONNX, AOTInductor's or ExecuTorch's, run by each one's runtime."""

from sparx_dsl.exporting.export_model import export as export
from sparx_dsl.exporting.report import ExportReport as ExportReport
from sparx_dsl.exporting.report import export_listing as export_listing
