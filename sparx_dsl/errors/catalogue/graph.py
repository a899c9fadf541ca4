"""SPX3xx: connections, links, and what is asked of a graph."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        "SPX301",
        "a link to an unknown node",
        "Links speak of nodes by name: `stem`, `stage3.downsample`, `stage3.layer4`, `head`. A stage that has a name "
        "of its own is called by that.",
        "links: {add: [{from: stage1.layer9, to: stage2.layer4}]}\n",
        "links: {add: [{from: stage1.layer1, to: stage2.layer4}]}\n",
    ),
    CodeEntry(
        "SPX302",
        "a link that does not lead forward",
        "A layer can only read what runs before it.",
        "links: {add: [{from: stage2.layer4, to: stage1.layer1}]}\n",
        "links: {add: [{from: stage1.layer1, to: stage2.layer4}]}\n",
    ),
    CodeEntry(
        "SPX303",
        "a link to what is no layer",
        "Only layers have a fusion to read features with; the stem, the downsamplings and the head have none.",
        "links: {add: [{from: stem, to: stage2.downsample}]}\n",
        "links: {add: [{from: stem, to: stage2.layer1}]}\n",
    ),
    CodeEntry(
        "SPX304",
        "a link that is there already",
        "The rule makes this connection anyway, or another link does. A layer reads a feature once.",
        "links: {add: [{from: stage2.layer3, to: stage2.layer4}]}\n",
        "links: {add: [{from: stage2.layer1, to: stage2.layer4}]}\n",
    ),
    CodeEntry(
        "SPX305",
        "a cut where nothing is",
        "Only what the rule makes can be cut. What feeds a layer from the layer before it is no such connection.",
        "links: {cut: [{from: stem, to: stage2.layer4}]}\n",
        "links: {cut: [{from: stage2.layer3, to: stage2.layer4}]}\n",
    ),
    CodeEntry(
        "SPX306",
        "a ganglion layer without features",
        "A ganglion layer reads features of other layers by its fusion. The first layer of a stage has none to read "
        "with `cross_stage: none`, and any can be left without by cuts.",
        "stages:\n  - {channels: 16, depth: 2, S: 1, cross_stage: none}\n",
        "stages:\n  - {channels: 16, depth: 2, S: 1, cross_stage: first}\n",
    ),
    CodeEntry("SPX310", "an unknown node", "There is no node of that name in this backbone."),
    CodeEntry(
        "SPX320",
        "a batch or size that cannot be",
        "A batch has at least one image, and an image at least one pixel on each side.",
    ),
    CodeEntry(
        "SPX321",
        "an unknown dtype",
        "Feature maps are of one of a few floating-point types; the message lists them.",
    ),
    CodeEntry(
        "SPX322",
        "stages that cannot be outputs",
        "`features` names stages by number from 1, in rising order, each once.",
    ),
    CodeEntry(
        "SPX323",
        "a deployed backbone cannot be trained",
        "`deploy` folds norms and residuals into the weights beside them, which holds in evaluation only. Train the "
        "backbone that it was made from, then deploy that again.",
    ),
    CodeEntry(
        "SPX324",
        "a backbone that was changed by hand",
        "`deploy` and `recompute` arrange the stages, layers and parts that the schedule names; what was put in the "
        "place of one, or around it, would be lost. A weight that is computed in each call (parametrisations, pruning) "
        "cannot be folded. Call them with the backbone as it was built, and make weights parameters first.",
    ),
    CodeEntry(
        "SPX325",
        "an activation budget that cannot be kept",
        "With every part recomputed in the backward pass there still are the feature buffers between the parts, and "
        "the inner tensors of one part at a time. The message says how many bytes that takes.",
    ),
    CodeEntry(
        "SPX326",
        "an activation budget for inference",
        "What autograd saves is limited for training, and a deployed backbone has none. Ask for one of the two.",
    ),
)
