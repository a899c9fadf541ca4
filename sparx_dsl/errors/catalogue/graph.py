"""SPX3xx: connections, links, and what is asked of a graph."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.UNKNOWN_LINK_NODE,
        "a link to an unknown node",
        "Links refer to nodes by name: `stem`, `stage3.downsample`, `stage3.layer4`, `head`. A stage that has a name "
        "of its own is called by that.",
        "links: {add: [{from: stage1.layer9, to: stage2.layer4}]}\n",
        "links: {add: [{from: stage1.layer1, to: stage2.layer4}]}\n",
    ),
    CodeEntry(
        Code.LINK_NOT_FORWARD,
        "a link that does not lead forward",
        "A layer can only read what runs before it.",
        "links: {add: [{from: stage2.layer4, to: stage1.layer1}]}\n",
        "links: {add: [{from: stage1.layer1, to: stage2.layer4}]}\n",
    ),
    CodeEntry(
        Code.LINK_TO_NON_LAYER,
        "a link to a node that is not a layer",
        "Only layers have a fusion to read features with; the stem, the downsamplings and the head have none.",
        "links: {add: [{from: stem, to: stage2.downsample}]}\n",
        "links: {add: [{from: stem, to: stage2.layer1}]}\n",
    ),
    CodeEntry(
        Code.DUPLICATE_LINK,
        "a link that exists already",
        "The rule makes this connection anyway, or another link does. A layer reads a feature once.",
        "links: {add: [{from: stage2.layer3, to: stage2.layer4}]}\n",
        "links: {add: [{from: stage2.layer1, to: stage2.layer4}]}\n",
    ),
    CodeEntry(
        Code.CUT_WITHOUT_CONNECTION,
        "a cut of a connection that does not exist",
        "Only what the rule makes can be cut. What feeds a layer from the layer before it is not such a connection.",
        "links: {cut: [{from: stem, to: stage2.layer4}]}\n",
        "links: {cut: [{from: stage2.layer3, to: stage2.layer4}]}\n",
    ),
    CodeEntry(
        Code.GANGLION_WITHOUT_FEATURES,
        "a ganglion layer without features",
        "A ganglion layer reads features of other layers by its fusion. The first layer of a stage has none to read "
        "with `cross_stage: none`, and any can be left without by cuts.",
        "stages:\n  - {channels: 16, depth: 2, S: 1, cross_stage: none}\n",
        "stages:\n  - {channels: 16, depth: 2, S: 1, cross_stage: first}\n",
    ),
    CodeEntry(Code.UNKNOWN_NODE, "an unknown node", "The backbone has no node of that name."),
    CodeEntry(
        Code.INVALID_INPUT_SHAPE,
        "an invalid batch or image size",
        "A batch has at least one image, and an image at least one pixel on each side.",
    ),
    CodeEntry(
        Code.UNKNOWN_DTYPE,
        "an unknown dtype",
        "Feature maps are of one of a few floating-point types; the message lists them.",
    ),
    CodeEntry(
        Code.INVALID_OUTPUT_STAGES,
        "invalid output stages",
        "`features` is a sequence of stages, by number (from 1, or from -1 for the last) or by name, of layers "
        "(`stage3.layer4`), of `stem`, and of `head` where there is one, each once. The maps come in that order.",
    ),
    CodeEntry(
        Code.DEPLOYED_NOT_TRAINABLE,
        "a deployed backbone cannot be trained",
        "`deploy` folds norms and residuals into the weights beside them, which holds in evaluation only. Train the "
        "backbone that it was made from, then deploy that again.",
    ),
    CodeEntry(
        Code.EDITED_BACKBONE,
        "a backbone that was changed by hand",
        "`deploy` and `recompute` arrange the stages, layers and parts that the schedule names; what was put in the "
        "place of one, or around it, would be lost. A weight that is computed in each call (parametrisations, pruning) "
        "cannot be folded. Call them with the backbone as it was built, and make weights parameters first.",
    ),
    CodeEntry(
        Code.INVALID_ACTIVATION_BUDGET,
        "an invalid activation budget",
        "With every part recomputed in the backward pass, and features gathered again, there still are the feature "
        "buffers between the parts, and the inner tensors of one part at a time. The message says how many bytes that "
        "takes.",
    ),
    CodeEntry(
        Code.ACTIVATION_BUDGET_FOR_INFERENCE,
        "an activation budget for inference",
        "What autograd saves is limited for training, and a deployed backbone has none. Ask for one of the two.",
    ),
    CodeEntry(
        Code.INVALID_PARAMETER_GROUPS,
        "invalid parameter groups",
        "`weight_decay` and `lr` are 0 or more, `layer_decay` lies above 0 and at most at 1. Rates that fall from "
        "layer to layer are those of one backbone, perhaps within a larger model.",
    ),
    CodeEntry(
        Code.NOT_A_BACKBONE,
        "a model that is not a backbone",
        "Saving, loading, transfer, `deploy` and `export` see through DDP, DataParallel, `torch.compile`, "
        "AveragedModel and checkpoint wrappers around a backbone. Of a sharded model (FSDP) the weights are in parts "
        "on several processes; other models hold a backbone, at a path that the message says. `recompute` gives "
        "another model, "
        "which would be without the wrapper: call it first.",
    ),
)
