"""SPX6xx: checkpoints."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.UNKNOWN_FILE_EXTENSION,
        "not the file extension of a checkpoint",
        "Weights are read from .safetensors files, and from .pth and .pt files that hold nothing but tensors.",
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
        Code.TRUNCATED_CHECKPOINT, "a checkpoint that was cut off", "The file ends before what its header speaks of."
    ),
    CodeEntry(
        Code.INVALID_HEADER,
        "a header that cannot be read",
        "A .safetensors file begins with the length of its header and the header itself, a JSON object with the dtype, "
        "the shape and the place of every tensor.",
    ),
    CodeEntry(
        Code.DUPLICATE_NAME,
        "one name twice",
        "Readers differ in which of two tensors of one name they take, so that one file would be two models.",
    ),
    CodeEntry(
        Code.OVERLAPPING_TENSORS,
        "tensors that overlap or leave gaps",
        "In a .safetensors file the tensors stand one behind the other and fill it to its end.",
    ),
    CodeEntry(
        Code.INVALID_TENSOR_SHAPE,
        "a shape that is not true",
        "A tensor's shape and dtype ask for another number of bytes than the file has for it.",
    ),
    CodeEntry(
        Code.UNSUPPORTED_DTYPE, "a dtype that weights do not have", "Weights are floats, integers or truth values."
    ),
    CodeEntry(
        Code.UNSAFE_PICKLE,
        "a checkpoint that is a program",
        "A .pth file is a pickle, and a pickle can run anything. Only those that name tensors and plain containers are "
        "read; there is no setting that loads others. Open such a file where you trust it, and save its tensors alone.",
    ),
    CodeEntry(
        Code.NOT_A_TORCH_FILE,
        "not a file of torch",
        "The file is damaged, or is a program (TorchScript, torch.export).",
    ),
    CodeEntry(
        Code.UNTRUSTED_ARCHIVE,
        "a checkpoint that would unpack to more than it is",
        "`torch.save` compresses nothing. An archive with compressed or overlapping members, or a storage larger than "
        "the file, is there to fill the memory.",
    ),
    CodeEntry(
        Code.NOT_PLAIN_TENSORS,
        "no plain tensors",
        "Weights are dense tensors under names, alone in the file or under one of the keys `model`, `state_dict`, "
        "`model_ema` and `state_dict_ema`.",
    ),
    CodeEntry(
        Code.AMBIGUOUS_SECTION,
        "which of the weights?",
        "Training scripts keep averaged weights beside the trained ones. Say with `section` which of them to load.",
    ),
    CodeEntry(
        Code.UNRECOGNIZED_FORMAT,
        "names of no known format",
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
        "tensors that are missing",
        "The model has tensors for which the file has nothing. With `strict=False` they stay as they are.",
    ),
    CodeEntry(
        Code.UNEXPECTED_TENSORS,
        "tensors without a place",
        "The file has tensors for which the model has no place. With `strict=False` they are left out.",
    ),
    CodeEntry(
        Code.SHAPE_MISMATCH,
        "tensors of another shape",
        "Values are only reshaped where their number and order stay, as from a linear layer to a 1×1 convolution.",
    ),
    CodeEntry(
        Code.INEXACT_CONVERSION,
        "tensors that would be changed to fit",
        "A relative position bias can be interpolated to another window, and a classifier of other classes can be left "
        "as it was. Neither holds the file's values, so both happen only with `strict=False`.",
    ),
    CodeEntry(
        Code.DTYPE_MISMATCH, "the wrong sort of dtype", "No integer stands for a weight, no fraction for a counter."
    ),
    CodeEntry(Code.NON_FINITE_WEIGHTS, "weights that are no numbers", "Infinities and NaN spread to every output."),
    CodeEntry(
        Code.POSITION_INDICES_DIFFER,
        "position indices in another order",
        "Swin's checkpoints carry the order in which window positions read the bias table, and this is another order.",
    ),
    CodeEntry(
        Code.MODEL_ON_META,
        "a model without storage",
        "A model on the device `meta` has shapes and no values; there is nothing to load into or to save.",
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
        "is deployed, pruned, parametrized, wrapped, or changed by hand. Make the change in the spec, or keep the "
        "tensors alone with `torch.save(model.state_dict(), …)`.",
    ),
    CodeEntry(
        Code.INVALID_RENAME,
        "a rename of nothing",
        "Renames lead from a node of the source model to a node of the target model, each at most once.",
    ),
)
