"""SPX4xx: kinds that break what they promise."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.KIND_WITHOUT_COST,
        "a kind without a cost",
        "Every kind that runs records its forward pass on a tape, from which all prices come. A package that adds a "
        "kind names the function in its `Kind(cost=…)`.",
    ),
    CodeEntry(
        Code.INVALID_KIND_COST,
        "a kind with a broken cost",
        "The cost of a kind cannot be imported, fails, is negative, or does not return the `FakeTensor` of what the "
        "kind's module makes: one of the same shape. Or it has parameters or products and does not say what autograd "
        "saves of them, which `Cost.saved_bytes` and budgets for training ask for; `tape.save()` says that it is "
        "nothing. That is an error in the package that adds the kind.",
    ),
    CodeEntry(
        Code.INVALID_KIND_OPTIONS,
        "a kind whose options fail",
        "The options of a kind declare what the compiler cannot know: the stride of a stem, the channels that a mixer "
        "takes, the shape of what a head makes. Here they raise an exception, or return an invalid value. That is an "
        "error in the package that adds the kind.",
    ),
    CodeEntry(
        Code.INVALID_KIND_MODULE,
        "a kind without a usable module",
        "What the kind names in `Kind(module=…)` is not found, fails, or does not return a `torch.nn.Module`. "
        "`sparx check` looks for the file without running it; the rest shows when the backbone is built. That is an "
        "error in the package that adds the kind.",
    ),
    CodeEntry(
        Code.MODULE_PARAMETERS_DIFFER,
        "a module of more or fewer parameters than its cost says",
        "What was built is compared with what was planned, part by part. The module of a kind and its cost describe "
        "the same forward pass, and here they differ, so that every count of this backbone would be wrong. That is an "
        "error in the package that adds the kind.",
    ),
    CodeEntry(
        Code.MODULE_OUTPUT_DIFFERS,
        "a module that does not make what was planned",
        "The modules of kinds of other packages are run once on the device `meta`, which allocates nothing, at the "
        "shapes of the plan. This one fails there, or returns something else than one tensor of the planned shape and "
        "dtype: channels or positions that would be broadcast, or a map of another size. That is an error in the "
        "package that adds the kind.",
    ),
    CodeEntry(
        Code.UNREGISTERED_KIND,
        "a kind that is not registered, or was registered again",
        "A spec holds the options of the kinds that were registered when it was read. In this process one of them is "
        "not, as where a pickled model is loaded, or it was registered again with other options: register it, or read "
        "the spec again from its file or text.",
    ),
    CodeEntry(
        Code.INVALID_KIND_FACET,
        "a part of a kind that cannot be loaded",
        "What a kind names for checkpoints, for deployment or for the features of a fusion cannot be imported, or is "
        "not of the type that belongs there. That is an error in the package that adds the kind.",
    ),
    CodeEntry(
        Code.UNKNOWN_CONVENTION,
        "an unknown convention for counting MACs",
        "`paper` counts products and scans; `fvcore` counts what that tool does of the model: norms and resizing too.",
    ),
    CodeEntry(
        Code.MODULE_SAVES_MORE,
        "a module that saves more for its backward pass than its cost says",
        "With a budget of bytes for training, the modules of kinds of other packages are run once without values, and "
        "what autograd saves of them is compared with what their costs name in `tape.save`. With this one the budget "
        "would not be kept. That is an error in the package that adds the kind.",
    ),
)
