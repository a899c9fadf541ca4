"""Checkpoints: loaded with a report, saved whole, carried over when a spec is edited."""

from __future__ import annotations

from sparx_dsl.weights.depths import renames_by_stride as renames_by_stride
from sparx_dsl.weights.limits import CheckpointLimits as CheckpointLimits
from sparx_dsl.weights.load import load_checkpoint as load_checkpoint
from sparx_dsl.weights.load import load_model as load_model
from sparx_dsl.weights.report import LoadReport as LoadReport
from sparx_dsl.weights.report import Resized as Resized
from sparx_dsl.weights.save import released_state as released_state
from sparx_dsl.weights.save import save_checkpoint as save_checkpoint
from sparx_dsl.weights.transfer_weights import transfer as transfer
