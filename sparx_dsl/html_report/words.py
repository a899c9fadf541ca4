"""The words of a report that a reader may not know, as docs/glossary.md has them."""

from __future__ import annotations

from collections.abc import Mapping

GLOSSARY: Mapping[str, str] = {
    "stage": "A run of layers at one resolution and width; numbered from 1.",
    "layer": "Position encoding, fusion (in a ganglion layer), token mixer and FFN; numbered from 1 within its stage.",
    "normal layer": "A layer with one input, the layer before it.",
    "ganglion layer": "A layer that also reads features of several earlier layers.",
    "stride S": (
        "Every S-th layer of a stage is a ganglion layer, counted back from the last. "
        "In a convolution, the step of the kernel."
    ),
    "window M": (
        "How many of the closest preceding ganglion layers a ganglion layer reads. "
        "In attention, the square within which positions attend to each other."
    ),
    "intra-stage connection": "From a normal layer to the next ganglion layer of its stage.",
    "inter-connection": "From a ganglion layer to a later one of its stage.",
    "cross-stage connection": "From the downsampled last feature of a stage to ganglion layers of the next.",
    "link": "A connection that a spec adds to the rule's, or cuts.",
    "DPE": "Dynamic position encoding: a residual depthwise 3×3 convolution.",
    "fusion": "How a ganglion layer takes in features, in place of the mixer's input projection.",
    "token mixer": "What mixes positions in a layer: a scan, attention or a convolution.",
    "FFN": "Feed-forward network: what mixes channels in a layer.",
    "feature buffer": (
        "A tensor that the compiled forward holds between steps, from the step that writes it until it is freed."
    ),
    "peak memory": "The most bytes of feature buffers held at once.",
    "lower bound": "Bytes below which no order of the same steps can keep the peak.",
    "MACs": "Multiply-accumulates for one image, by the paper's counting rule.",
    "FLOPs": ("Floating-point operations for one image: two for each MAC, one for each operation of a scan."),
    "saved bytes": "What autograd keeps for the backward pass.",
    "activation checkpointing, recompute": (
        "To compute inner tensors again in the backward pass instead of saving them."
    ),
}
"""The terms that a report uses, and their meanings; ``tests/test_html_report.py`` compares them with the glossary."""
