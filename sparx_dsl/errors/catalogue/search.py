"""SPX7xx: search spaces."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.UNKNOWN_SPACE_KEY,
        "an unknown key of a space",
        "A space has the keys `space`, `name`, `base` or `spec`, `choices` and `bounds`; a choice has `at`, "
        "`values`, `from`, `to`, `step`, `link`, `cut` and `when`; bounds are on `params`, `macs` and `peak`.",
    ),
    CodeEntry(
        Code.MISSING_SPACE_KEY,
        "a missing key of a space",
        "A space has a base and choices; a range has both of its ends.",
    ),
    CodeEntry(Code.INVALID_SPACE_VALUE, "a value of the wrong type in a space", "The message shows what is expected."),
    CodeEntry(
        Code.INVALID_BASE,
        "a base that is not a file name",
        "`base` is the bare name of a YAML file, found as `extends` finds it: beside the space, or one folder up.",
    ),
    CodeEntry(
        Code.UNKNOWN_PATH,
        "a path that matches nothing",
        "A choice stands at a key path of a spec, such as `stages.3.S`: numbers count from 1, and `*` is every stage "
        "or every layer.",
    ),
    CodeEntry(
        Code.FIXED_KEY,
        "a key that cannot be chosen",
        "Names and the version are not part of a backbone's graph, the list of stages is not chosen as a whole, and "
        "links are chosen one by one, with `link` or `cut`.",
    ),
    CodeEntry(
        Code.EMPTY_CHOICE, "a choice without values", "A choice has at least one value, and a bound at least one end."
    ),
    CodeEntry(Code.DUPLICATE_VALUE, "a value listed twice", "The values of a choice differ from one another."),
    CodeEntry(
        Code.KEY_CHOSEN_TWICE,
        "two choices of one key",
        "Two choices may drive one key only where their conditions never hold together. To let one choice drive "
        "several keys, give it a name and list them in `at`.",
    ),
    CodeEntry(
        Code.CONDITION_ON_UNKNOWN_CHOICE,
        "a condition on an unknown choice",
        "`when` names other choices of the space.",
    ),
    CodeEntry(
        Code.CONDITION_NEVER_HOLDS,
        "a condition that never holds",
        "`when` requires a value that the other choice never has.",
    ),
    CodeEntry(
        Code.CIRCULAR_CONDITIONS,
        "conditions in a cycle",
        "Whether a choice exists cannot depend on its own value. Choices of single layers depend on the depth of their "
        "stage.",
    ),
    CodeEntry(
        Code.INVALID_RANGE,
        "an invalid range",
        "The step of a range is above 0, and a choice has at most 10,000 values.",
    ),
    CodeEntry(
        Code.LENGTHS_DIFFER,
        "lists of different lengths",
        "Where `at` gives each key a list, the first values are chosen together, then the second ones, and so on.",
    ),
    CodeEntry(
        Code.INFEASIBLE_VALUE,
        "a value that never fits",
        "Each value that is written out for one key is part of some valid backbone. Values of ranges, and those "
        "behind a `*`, are dropped where they do not fit.",
    ),
    CodeEntry(Code.EMPTY_SPACE, "a space without points", "No combination of the values is a valid backbone."),
    CodeEntry(
        Code.INVALID_AMOUNT,
        "an invalid amount",
        "Parameters and MACs are integers, or numbers with K, M, G or T; bytes have B, KB, MB, GB, KiB, MiB or GiB.",
    ),
    CodeEntry(
        Code.BOUNDS_REVERSED,
        "a bound with its least above its most",
        "The least of a bound is at most its most.",
    ),
    CodeEntry(
        Code.INFEASIBLE_BOUNDS,
        "bounds that no point satisfies",
        "No sampled point satisfies all bounds. The notes name the closest price that was found. In a space of up to "
        "2,000 points all of them were tried.",
    ),
    CodeEntry(
        Code.HYPOTHESIS_NOT_INSTALLED,
        "hypothesis is not installed",
        "`sparx_dsl.search.strategy` makes strategies of the package hypothesis, which is not installed.",
    ),
    CodeEntry(
        Code.POINT_OF_ANOTHER_SPACE,
        "a point of another space",
        "The point has choices or values that the space does not have.",
    ),
    CodeEntry(
        Code.NO_NEIGHBOUR,
        "a point without neighbours",
        "No point of the space that satisfies the bounds differs from this one in a single choice.",
    ),
    CodeEntry(
        Code.PACKAGE_NOT_INSTALLED,
        "a package that is not installed",
        "Studies are run by the package optuna, which the extra `search` installs, and on a cluster by ray, of the "
        "extra `ray`. `sparx_dsl.integrations.timm` needs the extra `timm`, a PDF or PNG of a "
        "picture the extra `pictures`, and so on.",
    ),
    CodeEntry(
        Code.UNKNOWN_OBJECTIVE,
        "an unknown objective",
        "An objective is `module:function`, found as Python finds a module from the folder that you are in; or one of "
        "the prices `params`, `macs` and `peak`.",
    ),
    CodeEntry(
        Code.STUDY_NOT_USABLE,
        "a study that cannot be used",
        "A study is a file that ends in .journal, or in .db, .sqlite or .sqlite3, in a folder that can be written to. "
        "It holds a study of this project and nothing else.",
    ),
    CodeEntry(
        Code.STUDY_OF_ANOTHER_SPACE,
        "a study of another space",
        "A study goes on with the space that it was begun with: the same base, choices and bounds.",
    ),
    CodeEntry(
        Code.STUDY_SETTINGS_DIFFER,
        "a study with other settings",
        "A study goes on with the values, directions and seed that it was begun with. The sampler and the number of "
        "trials may change.",
    ),
    CodeEntry(Code.UNKNOWN_SAMPLER, "an unknown sampler", "The samplers are `random`, `tpe` and `nsga2`."),
    CodeEntry(
        Code.INVALID_DIRECTIONS,
        "directions that do not match the values",
        "There is one direction, `maximize` or `minimize`, for each value: one for a price, one or more for a "
        "function.",
    ),
    CodeEntry(
        Code.INVALID_ANSWER,
        "an invalid return value of an objective",
        "An objective returns a number, a tuple of numbers, or a mapping with `values` and perhaps `constraints` and "
        "more, and as many values as there are directions. Another result stops the study, since every trial would "
        "return it.",
    ),
    CodeEntry(
        Code.NON_FINITE_VALUE,
        "a value that is not finite",
        "NaN and infinity cannot be compared. The trial has failed, and the study goes on.",
    ),
    CodeEntry(Code.STUDY_NUMBER_OUT_OF_RANGE, "a number out of range", "The message shows the range."),
    CodeEntry(
        Code.CLUSTER_NOT_REACHABLE,
        "no cluster can be reached",
        "`--ray` without an address starts Ray on this machine; with one, a cluster runs there already.",
    ),
    CodeEntry(
        Code.WORKERS_CRASHED,
        "workers that only crash",
        "Several workers ended one after the other before any had begun a trial: killed, or out of memory.",
    ),
    CodeEntry(
        Code.EVERY_TRIAL_FAILED,
        "a study in which every trial failed",
        "Each trial keeps its cause with the traceback; the notes show the end of the first one.",
    ),
    CodeEntry(Code.NOTHING_TO_DRAW, "nothing to draw", "A picture of a study shows the trials that have values."),
    CodeEntry(Code.UNKNOWN_PRUNER, "an unknown pruner", "The pruners are `median`, `asha` and `hyperband`."),
    CodeEntry(
        Code.PRUNING_NOT_POSSIBLE,
        "trials that cannot be pruned",
        "Pruners compare intermediate values, which are of one objective value, through the study's file, which nodes "
        "of a cluster do not have.",
    ),
)
