"""SPX7xx: search spaces."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        "SPX701",
        "a key that a space does not have",
        "A space has the keys `space`, `name`, `base` or `spec`, `choices` and `bounds`; a choice has `at`, "
        "`values`, `from`, `to`, `step`, `link`, `cut` and `when`; bounds are on `params`, `macs` and `peak`.",
    ),
    CodeEntry("SPX702", "a key that a space needs", "A space has a base and choices; a range has both of its ends."),
    CodeEntry("SPX703", "a value of the wrong kind in a space", "The message says what belongs there."),
    CodeEntry(
        "SPX704",
        "a base that is no file name",
        "`base` is the bare name of a YAML file, found as `extends` finds it: beside the space, or one folder up.",
    ),
    CodeEntry(
        "SPX710",
        "a path that addresses nothing",
        "A choice stands at a key path of a spec, such as `stages.3.S`: numbers count from 1, and `*` is every stage "
        "or every layer.",
    ),
    CodeEntry(
        "SPX711",
        "a key that cannot be chosen",
        "Names and the version are no part of a backbone's graph, the list of stages is not chosen as a whole, and "
        "links are chosen one by one, with `link` or `cut`.",
    ),
    CodeEntry("SPX712", "nothing to choose from", "A choice has at least one value, and a bound at least one end."),
    CodeEntry("SPX713", "a value listed twice", "Every value of a choice is another one."),
    CodeEntry(
        "SPX714",
        "two choices of one key",
        "Two choices may drive one key only where their conditions never hold together. To let one choice drive "
        "several keys, give it a name and list them in `at`.",
    ),
    CodeEntry("SPX715", "a condition on no choice", "`when` names other choices of the space."),
    CodeEntry("SPX716", "a condition that never holds", "`when` wants a value that the other choice never has."),
    CodeEntry(
        "SPX717",
        "conditions in a circle",
        "Whether a choice exists cannot depend on its own value. Choices of single layers depend on the depth of their "
        "stage.",
    ),
    CodeEntry(
        "SPX718",
        "a range that cannot be",
        "The step of a range is above 0, and a choice has at most 10,000 values.",
    ),
    CodeEntry(
        "SPX719",
        "lists of different lengths",
        "Where `at` gives each key a list, the first values are chosen together, then the second ones, and so on.",
    ),
    CodeEntry(
        "SPX720",
        "a value that never fits",
        "Each value that is written out for one key is part of some valid backbone. Values of ranges, and those "
        "behind a `*`, are dropped where they do not fit.",
    ),
    CodeEntry("SPX721", "a space without points", "No combination of the values is a valid backbone."),
    CodeEntry(
        "SPX730",
        "an amount that cannot be read",
        "Parameters and MACs are whole numbers, or numbers with K, M, G or T; bytes have B, KB, MB, GB, KiB, MiB or "
        "GiB.",
    ),
    CodeEntry("SPX731", "a bound above itself", "The least of a bound is at most its most."),
    CodeEntry(
        "SPX732",
        "bounds that nothing keeps",
        "No point that was drawn keeps all bounds. The notes name the closest price that was found. In a space of up "
        "to 2,000 points all of them were tried.",
    ),
    CodeEntry(
        "SPX740",
        "no hypothesis",
        "`sparx_dsl.search.strategy` makes strategies of the package hypothesis, which is not installed.",
    ),
    CodeEntry("SPX741", "a point of another space", "The point has choices or values that the space does not have."),
    CodeEntry(
        "SPX742",
        "a point without neighbours",
        "No point of the space that keeps the bounds differs from this one in a single choice.",
    ),
    CodeEntry(
        "SPX750",
        "a package that is not installed",
        "Studies are run by the package optuna, which the extra `search` installs, and on a cluster by ray, of the "
        "extra `ray`.",
    ),
    CodeEntry(
        "SPX751",
        "no such objective",
        "An objective is `module:function`, found as Python finds a module from the folder that you are in; or one of "
        "the prices `params`, `macs` and `peak`.",
    ),
    CodeEntry(
        "SPX752",
        "a study that cannot be used",
        "A study is a file that ends in .journal, or in .db, .sqlite or .sqlite3, in a folder that can be written to. "
        "It holds a study of this project and nothing else.",
    ),
    CodeEntry(
        "SPX753",
        "a study of another space",
        "A study goes on with the space that it was begun with: the same base, choices and bounds.",
    ),
    CodeEntry(
        "SPX754",
        "a study that was begun otherwise",
        "A study goes on with the values, directions and seed that it was begun with. The sampler and the number of "
        "trials may change.",
    ),
    CodeEntry("SPX755", "no such sampler", "The samplers are `random`, `tpe` and `nsga2`."),
    CodeEntry(
        "SPX756",
        "directions that do not suit",
        "There is one direction, `maximize` or `minimize`, for each value: one for a price, one or more for a "
        "function.",
    ),
    CodeEntry(
        "SPX757",
        "an answer of the wrong form",
        "An objective gives a number, a tuple of numbers, or a mapping with `values` and perhaps `constraints` and "
        "more, and as many values as there are directions. Another answer stops the study, since every trial would "
        "give it.",
    ),
    CodeEntry(
        "SPX758",
        "a value that is not finite",
        "NaN and infinity cannot be compared. The trial has failed, and the study goes on.",
    ),
    CodeEntry("SPX759", "a number out of range", "The message says from where to where it may be."),
    CodeEntry(
        "SPX760",
        "no cluster",
        "`--ray` without an address starts Ray on this machine; with one, a cluster runs there already.",
    ),
    CodeEntry(
        "SPX761",
        "workers that only die",
        "Several workers ended one after the other before any had begun a trial: killed, or out of memory.",
    ),
    CodeEntry(
        "SPX762",
        "a study in which every trial failed",
        "Each trial keeps its cause with the traceback; the notes show the end of the first one.",
    ),
    CodeEntry("SPX763", "nothing to draw", "A picture of a study shows the trials that have values."),
)
