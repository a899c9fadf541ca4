"""SPX6xx: checkpoints."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.UNKNOWN_FILE_EXTENSION,
        "an unsupported file extension",
        "Weights are read from .safetensors files, and from .pth, .pt, .pth.tar, .ckpt and .bin files of torch.save.",
    ),
    CodeEntry(
        Code.CHECKPOINT_TOO_LARGE,
        "a checkpoint beyond the limits",
        "The file, or the table of contents in it, is larger than `CheckpointLimits` allows. A real table has some 100 "
        "bytes for each tensor; a huge one is there to exhaust the reader.",
    ),
    CodeEntry(
        Code.TOO_MANY_TENSORS, "too many tensors", "One checkpoint has at most `CheckpointLimits.tensors` tensors."
    ),
    CodeEntry(
        Code.TRUNCATED_CHECKPOINT, "a truncated checkpoint", "The file ends before the data that its header describes."
    ),
    CodeEntry(
        Code.INVALID_HEADER,
        "an invalid header",
        "A .safetensors file begins with the length of its header and the header itself, a JSON object with the dtype, "
        "the shape and the place of every tensor.",
    ),
    CodeEntry(
        Code.DUPLICATE_NAME,
        "a duplicate name",
        "Readers differ in which of two tensors of one name they take, so that one file would be two models.",
    ),
    CodeEntry(
        Code.OVERLAPPING_TENSORS,
        "tensors that overlap or leave gaps",
        "In a .safetensors file the tensors follow one another and fill it to its end.",
    ),
    CodeEntry(
        Code.INVALID_TENSOR_SHAPE,
        "a shape that does not match its bytes",
        "A tensor's shape and dtype ask for another number of bytes than the file has for it.",
    ),
    CodeEntry(Code.UNSUPPORTED_DTYPE, "an unsupported dtype", "Weights are floats, integers or booleans."),
    CodeEntry(
        Code.UNSAFE_PICKLE,
        "a checkpoint that is a program",
        "A file of torch.save is a pickle, and a pickle can run anything. Only those that name tensors and plain "
        "containers are read; no setting loads others. Training scripts often keep their arguments beside the weights, "
        "as objects of a class. Open such a file where you trust it, and save its tensors alone; the message says how.",
    ),
    CodeEntry(
        Code.NOT_A_TORCH_FILE,
        "not a torch file",
        "The file is damaged, or is a program (TorchScript, torch.export).",
    ),
    CodeEntry(
        Code.UNTRUSTED_ARCHIVE,
        "an archive that is not trusted",
        "`torch.save` compresses nothing. An archive with compressed or overlapping members, or a storage larger than "
        "the file, would fill the memory.",
    ),
    CodeEntry(
        Code.NOT_PLAIN_TENSORS,
        "not plain tensors",
        "Weights are dense tensors under names, alone in the file or under one of the keys `model`, `state_dict`, "
        "`model_ema` and `state_dict_ema`.",
    ),
    CodeEntry(
        Code.AMBIGUOUS_SECTION,
        "several sets of weights",
        "Training scripts keep averaged weights beside the trained ones. Choose with `section` which of them to load.",
    ),
    CodeEntry(
        Code.UNKNOWN_PREFIX,
        "an unknown prefix",
        "`prefix` chooses a part of a larger model, such as the `backbone` of a detector, and no name in the "
        "checkpoint begins with it. What wrappers put before all names (`module.`, `_orig_mod.`, …) need not be "
        "written.",
    ),
    CodeEntry(
        Code.UNRECOGNIZED_FORMAT,
        "an unrecognised format",
        "Checkpoints are recognised by their names: this project's own, and those of SparX-Mamba, VMamba and Swin.",
    ),
    CodeEntry(Code.UNKNOWN_FORMAT, "an unknown format", "A format is `sparx_dsl`, `sparx_mamba`, `vmamba` or `swin`."),
    CodeEntry(
        Code.CHECKPOINT_OF_ANOTHER_BACKBONE,
        "a checkpoint of another backbone",
        "Depths, widths or ganglion layers differ. Loaded by number, every layer behind the first difference would get "
        "the weights of another one, and the model would answer poorly without saying why.",
    ),
    CodeEntry(
        Code.MISSING_TENSORS,
        "missing tensors",
        "The model has tensors for which the file has nothing. With `strict=False` they stay as they are.",
    ),
    CodeEntry(
        Code.UNEXPECTED_TENSORS,
        "unexpected tensors",
        "The file has tensors that the model does not have. With `strict=False` they are left out.",
    ),
    CodeEntry(
        Code.SHAPE_MISMATCH,
        "tensors of another shape",
        "Values are only reshaped where their number and order stay, as from a linear layer to a 1×1 convolution.",
    ),
    CodeEntry(
        Code.INEXACT_CONVERSION,
        "tensors that would be changed to fit",
        "A relative position bias can be interpolated to another window, a first convolution adapted to images of "
        "other channels, and a classifier of other classes left as it was. None of them holds the file's values, so "
        "they happen only with `strict=False`.",
    ),
    CodeEntry(Code.DTYPE_MISMATCH, "a dtype of another kind", "A weight must be floating point, a counter an integer."),
    CodeEntry(Code.NON_FINITE_WEIGHTS, "weights that are not finite", "Infinities and NaN spread to every output."),
    CodeEntry(
        Code.POSITION_INDICES_DIFFER,
        "position indices in another order",
        "Swin's checkpoints carry the order in which window positions read the bias table, and this is another order.",
    ),
    CodeEntry(
        Code.MODEL_ON_META,
        "a model without storage",
        "A model on the device `meta` has shapes and no values, which can neither be loaded nor saved.",
    ),
    CodeEntry(
        Code.FORMAT_CANNOT_REPRESENT,
        "a backbone that a format cannot hold",
        "The format of a released model has names for the parts of that model, and none for others.",
    ),
    CodeEntry(
        Code.FORMAT_AND_EXTENSION_DIFFER,
        "a format and a file extension that differ",
        "Our format is written to .safetensors files, the released ones to .pth or .pt files.",
    ),
    CodeEntry(
        Code.CHECKPOINT_WITHOUT_SPEC,
        "a checkpoint without its spec",
        "Only files that `save_checkpoint` wrote as `sparx_dsl` say which backbone they belong to.",
    ),
    CodeEntry(
        Code.MODEL_DIFFERS_FROM_SPEC,
        "a model that is not what its spec describes",
        "A checkpoint is a spec and its tensors, and what is built from it computes the same. A model with other "
        "modules, tensors or settings than its spec describes would come back as another one, or not at all: one that "
        "is deployed, pruned, parametrized, or changed by hand. Make the change in the spec, or keep the "
        "tensors alone with `torch.save(model.state_dict(), …)`.",
    ),
    CodeEntry(
        Code.INVALID_RENAME,
        "an invalid rename",
        "Renames lead from a node of the source model to a node of the target model, each at most once.",
    ),
)
