"""SPX5xx: files, the command line, and outside tools."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.FILE_NOT_READABLE,
        "a file that cannot be read",
        "The file is not there, may not be read, or is a folder, a pipe or a device. A spec is also read from standard "
        "input, for which `-` is written, once.",
    ),
    CodeEntry(
        Code.FILE_NOT_WRITABLE, "a file that cannot be written", "The folder is not there, or may not be written to."
    ),
    CodeEntry(
        Code.UNKNOWN_SPEC,
        "an unknown spec",
        "Where a command or a call takes a spec, a word is a file, or else the name of a spec that comes with the "
        "package, such as `sparx_mamba_t` or `ablations/stride_1`; `sparx list` prints these. Where one takes a search "
        "space, a word is a file, or the name of a space that comes with the package, such as `wide`.",
    ),
    CodeEntry(
        Code.UNKNOWN_PICTURE_FORMAT,
        "an unknown picture format",
        "The file extension selects the format: .dot, .svg, .png or .pdf.",
    ),
    CodeEntry(
        Code.UNKNOWN_FONT,
        "an unknown font",
        "A PDF has its type inside it, so the font's family must be installed where it is written. A viewer of an SVG "
        "looks for the font itself.",
    ),
    CodeEntry(
        Code.INVALID_PICTURE_OPTION,
        "a picture that cannot be drawn so",
        "A picture is asked for with a width in mm, the name of a font's family, a style, or stages and layers that "
        "the backbone does not have.",
    ),
    CodeEntry(
        Code.INVALID_SIZE_OPTION,
        "an invalid size",
        "A size is one number of pixels, or height x width such as 512x2048.",
    ),
    CodeEntry(
        Code.PICTURE_WITHOUT_FILE,
        "a picture without a file",
        "A picture cannot be shown in a terminal; name a file with `-o`, or write `-o -` for a pipe.",
    ),
    CodeEntry(
        Code.PICTURE_FORMAT_DIFFERS,
        "a picture and a file name that differ",
        "The file extension must be the picture format that was asked for.",
    ),
    CodeEntry(
        Code.CONFLICTING_OPTIONS,
        "options that exclude each other",
        "A table is printed in one form: as text, or with one of `--json`, `--csv` and `--markdown`.",
    ),
    CodeEntry(
        Code.UNKNOWN_AMOUNT,
        "an unknown amount",
        "Backbones are compared, sorted and drawn by the amounts that the message lists, such as `macs` or `peak`.",
    ),
    CodeEntry(
        Code.INVALID_CONDITION,
        "an invalid condition, or one that nothing satisfies",
        "A condition is an amount, one of `<`, `<=`, `>`, `>=` and `=`, and a value: `macs<5G`, `peak<=2MiB`. In a "
        "shell it needs quotes.",
    ),
    CodeEntry(
        Code.INVALID_ASSIGNMENT,
        "an invalid edit",
        "`sparx set` takes edits such as `stages.3.S=3`: a 1-based path of keys, `=`, and a YAML value, or nothing to "
        "remove the key.",
    ),
    CodeEntry(
        Code.NOTHING_TO_CHECK,
        "a folder without specs",
        "In a folder, files ending in .yaml or .yml are checked that have the key `sparx`, `extends` or `space` at "
        "their top level.",
    ),
    CodeEntry(
        Code.UNKNOWN_CODE,
        "an unknown code",
        "Codes are `SPX` and three digits, and this catalogue has no entry for this one.",
    ),
    CodeEntry(
        Code.INVALID_PRINTED_FIGURE,
        "an invalid printed figure",
        "The file of a paper's figures has a fixed form; the message shows what is expected.",
    ),
    CodeEntry(
        Code.UNKNOWN_BACKEND,
        "an unknown backend",
        "The selective scan has the backends that `sparx doctor` lists; one can be forced by an argument or by the "
        "environment variable `SPARX_SCAN_BACKEND`.",
    ),
    CodeEntry(
        Code.BACKEND_NOT_AVAILABLE,
        "a backend that does not work here",
        "The backend that was forced does not support tensors of this device or dtype on this machine.",
    ),
    CodeEntry(
        Code.NOT_CAPTURABLE,
        "a CUDA graph that cannot be captured or replayed",
        "`cuda_graph` captures a deployed backbone on a CUDA device for images of one shape, dtype and device.",
    ),
    CodeEntry(
        Code.TUNING_NOT_POSSIBLE,
        "nothing can be tuned",
        "`sparx tune` measures the settings of the fused scan of maps on a CUDA device that has Triton kernels. A spec "
        "without a mixer that scans so has nothing to tune.",
    ),
    CodeEntry(
        Code.INVALID_TUNED_FILE,
        "a damaged file of tuned settings",
        "Settings that were measured are kept in a JSON file: the one that the environment variable SPARX_TUNED_FILE "
        "names, or `sparx_dsl/tuned.json` in the folder for caches. It is checked when it is read; delete one that was "
        "damaged.",
    ),
    CodeEntry(
        Code.UNKNOWN_TUNING_MODE,
        "an unknown value of SPARX_TUNE",
        "The environment variable SPARX_TUNE is 1 to measure settings that are not known, 0 to read no tuned "
        "settings, or not set, to read those that `sparx tune` has measured.",
    ),
    CodeEntry(
        Code.INVALID_INTEGRATION_OPTION,
        "an argument that another library's model cannot follow",
        "timm, torchvision and others have arguments of their own, such as `global_pool` and `out_indices`. The "
        "backbone has no such stage, head or pooling as is asked for.",
    ),
    CodeEntry(
        Code.EXPORT_TOOL_NOT_INSTALLED,
        "a tool of an export is not installed",
        "ONNX files are written with the packages onnx and onnxscript and run by onnxruntime, all of which the extra "
        "`export` installs. ExecuTorch's files are written and run by the package executorch, of the extra "
        "`executorch`. AOTInductor packages are written by a C++ compiler. A .pt2 file needs none of these.",
    ),
    CodeEntry(
        Code.UNKNOWN_EXPORT_FORMAT,
        "an unknown format of an export",
        "A backbone is exported as `pt2`, `onnx`, `aoti` or `executorch`.",
    ),
    CodeEntry(
        Code.EXPORT_EXTENSION_DIFFERS,
        "a format of an export and a file extension that differ",
        "Runtimes know a file by its extension: .onnx for `onnx`, .pt2 for `pt2` and for `aoti`, .pte for "
        "`executorch`. Where no format is named, the extension says it.",
    ),
    CodeEntry(
        Code.EXPORT_NOT_SUPPORTED,
        "an export that is not supported",
        "The number of images can be dynamic, and where no layer has windows also height and width, in multiples of "
        "the last stage's stride; in ExecuTorch's files neither can. Only a .pt2 file keeps the operators of this "
        "package. Backbones are exported in float32, with weights that have values.",
    ),
    CodeEntry(
        Code.EXPORT_FAILED,
        "an export that failed",
        "torch could not write the file, or its runtime could not run it; the message shows the error. No file is left "
        "behind.",
    ),
    CodeEntry(
        Code.EXPORT_DIFFERS,
        "an exported file with other results",
        "Every written file is run with random images. One whose results differ from the model's by more than 1e-4 of "
        "the largest value is not left behind.",
    ),
    CodeEntry(
        Code.INVALID_REPORT,
        "a report that cannot be made as asked",
        "A report is a page, an .html file. It is of a spec, which can be compared with another by `--against`, or of "
        "a study, which is named by its space and `--study`; a study has no other to compare with, and its images' "
        "size, batch and dtype are those of its space.",
    ),
    CodeEntry(
        Code.BENCH_FAILED,
        "a measurement that failed",
        "The device is not here, the model does not run on it in this dtype or mode, or timm has no model of that "
        "name. The notes show what torch says.",
    ),
    CodeEntry(
        Code.UNKNOWN_MEASUREMENT,
        "a table or a size without printed figures",
        "`sparx paper --measure throughput` measures what `specs/paper/throughput.yaml` has figures for: some tables "
        "of the paper, each at some sizes of square images.",
    ),
    CodeEntry(
        Code.INVALID_ANALYSIS,
        "an analysis that cannot be made",
        "Batches are floating-point tensors (batch, channels, height, width) that suit every backbone, of one size for "
        "receptive fields and of at least four images for similarities. Backbones that are analysed together read the "
        "same images, either none or each has its file of weights, and the device is here.",
    ),
    CodeEntry(
        Code.INVALID_IMAGES,
        "a folder of images that cannot be used",
        "The folder is not there, has no image in it or below, or an image in it cannot be read. Images have one "
        "channel, grey, or three, red, green and blue.",
    ),
)
