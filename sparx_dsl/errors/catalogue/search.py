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
)
