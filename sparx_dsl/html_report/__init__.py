"""Reports: one HTML page that explains a backbone, an ablation or a study, and needs nothing from elsewhere."""

from sparx_dsl.html_report.backbone_report import backbone_page as backbone_page
from sparx_dsl.html_report.backbone_report import write_report as write_report
from sparx_dsl.html_report.page import written_report as written_report
