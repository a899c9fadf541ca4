"""What is wrong with a user's input, where, and what to write instead: values, texts, and the catalogue."""

from __future__ import annotations

from sparx_dsl.errors.catalogue.entry import CodeEntry as CodeEntry
from sparx_dsl.errors.code_names import Code as Code
from sparx_dsl.errors.diagnostic import Diagnostic as Diagnostic
from sparx_dsl.errors.diagnostic import Related as Related
from sparx_dsl.errors.diagnostic import SourceText as SourceText
from sparx_dsl.errors.diagnostic import Span as Span
from sparx_dsl.errors.diagnostic import SparxError as SparxError
from sparx_dsl.errors.diagnostic import Where as Where
from sparx_dsl.errors.escape import quoted as quoted
from sparx_dsl.errors.escape import visible as visible
from sparx_dsl.errors.render_diagnostics import Style as Style
from sparx_dsl.errors.render_diagnostics import render as render
from sparx_dsl.errors.suggest import closest as closest
from sparx_dsl.errors.suggest import did_you_mean as did_you_mean
from sparx_dsl.errors.wording import counted as counted
from sparx_dsl.errors.wording import exception_text as exception_text
from sparx_dsl.errors.wording import plural as plural
