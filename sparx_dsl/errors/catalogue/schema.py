"""SPX1xx: keys and values that the language does not know, and specs that extend others."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.UNKNOWN_KEY,
        "an unknown key",
        "The language has no such key at this place. It is misspelt, it stands one level too far in or out, or "
        "another kind has it. The message lists the keys that can stand there.",
        "stages:\n  - {channels: 16, depht: 2}\n",
        "stages:\n  - {channels: 16, depth: 2}\n",
    ),
    CodeEntry(
        Code.MISSING_KEY,
        "a key is missing",
        "A spec needs `sparx`, `name`, `stem` and `stages`, a stage `channels` and `depth`, a link `from` and `to`, "
        "and a stem, mixer, fusion, FFN, downsampling or head its `kind`.",
        "stem: {convs: 2}\n",
        "stem: {kind: conv, convs: 2}\n",
    ),
    CodeEntry(
        Code.WRONG_TYPE,
        "a value of the wrong type",
        "Values are not converted: `'2'` is text, not a number, `2.0` and `true` are not integers, `1` is not a "
        "boolean, and a mixer is a mapping with a `kind`, not a word.",
        "stages:\n  - {channels: 16, depth: '2'}\n",
        "stages:\n  - {channels: 16, depth: 2}\n",
    ),
    CodeEntry(
        Code.OUT_OF_RANGE,
        "a number or a list out of range",
        "Every number and every list of the language has bounds, so that a spec cannot ask for unreasonable sizes. "
        "The message shows them.",
        "drop_path: 1.0\n",
        "drop_path: 0.2\n",
    ),
    CodeEntry(
        Code.UNKNOWN_CHOICE,
        "a word that is not one of the choices",
        "Only certain words can stand here, and they are written in lower case. The message lists them.",
        "stages:\n  - {channels: 16, depth: 2, S: 1, M: All}\n",
        "stages:\n  - {channels: 16, depth: 2, S: 1, M: all}\n",
    ),
    CodeEntry(
        Code.UNKNOWN_KIND,
        "an unknown kind",
        "A `kind` is looked up among those that this package and installed ones have registered for that role; it is "
        "never a class or an import path. The message lists them.",
        "stem: {kind: cnov}\n",
        "stem: {kind: conv}\n",
    ),
    CodeEntry(
        Code.MISSING_ITEM,
        "a change to an item that does not exist",
        "A spec that extends another one changes the items of a list by their number, from 1, or by their name; the "
        "number after the last one appends an item.",
        "extends: base.yaml\nstages: {9: {depth: 3}}\n",
        "extends: base.yaml\nstages: {2: {depth: 3}}\n",
    ),
    CodeEntry(
        Code.MISSING_VALUE,
        "a key without a value",
        "`null`, `~` or nothing at all is not a value. Write one, or leave the key out; for no head or no FFN, "
        "write `{kind: none}`. (In a spec that extends another one, `null` removes a key of that one.)",
        "head:\n",
        "head: {kind: none}\n",
    ),
    CodeEntry(
        Code.INVALID_NAME,
        "an invalid name",
        "Names have at most 64 lower-case letters, digits and underscores, and begin with a letter; nodes are named "
        "such as `stem` and `stage3.layer4`. So names can go into file names, code and pictures as they are.",
        "name: SparX-Mamba-T\n",
        "name: sparx_mamba_t\n",
    ),
    CodeEntry(
        Code.CIRCULAR_EXTENDS,
        "specs that extend one another in a cycle",
        "A spec extends itself, directly or through others, or the chain of specs is longer than the limit.",
        "extends: spec.yaml\n",
        "extends: base.yaml\n",
    ),
    CodeEntry(
        Code.INVALID_EXTENDS,
        "`extends` is not a relative path",
        "`extends` takes the relative path of a YAML file: no address, and no `..`. The file is looked for from the "
        "spec's folder, then from the folder above, then in the zoo. Who reads the spec can name a folder below which "
        "every file may be read: `--root` of the commands, `root` of `load_spec`.",
        "extends: ../base.yaml\n",
        "extends: base.yaml\n",
    ),
    CodeEntry(
        Code.EXTENDS_WITHOUT_FILE,
        "`extends` in a text that comes from no file",
        "A spec that is given as text or as data has no folder in which to look for the other spec, and can extend "
        "those of the zoo only. Load it from a file, or write its keys out.",
    ),
    CodeEntry(
        Code.EXTENDED_FILE_NOT_FOUND,
        "the extended file is not found",
        "The file is looked for beside the spec, then in the folder above, then in the zoo (`sparx list`); a symbolic "
        "link that leads out of the first two does not count.",
        "extends: bass.yaml\n",
        "extends: base.yaml\n",
    ),
    CodeEntry(
        Code.INVALID_INSERT,
        "an invalid place to insert a layer",
        "`insert_layer` puts a layer after one that exists, or after 0 to put it first.",
    ),
    CodeEntry(
        Code.INVALID_REMOVAL,
        "an invalid layer to remove",
        "`remove_layer` takes the number of a layer that exists, and leaves every stage at least one layer.",
    ),
    CodeEntry(
        Code.UNKNOWN_STAGE,
        "an unknown stage",
        "Stages are called by their `name`, or `stage1`, `stage2` … where they have none.",
    ),
    CodeEntry(
        Code.INVALID_VALUE,
        "an invalid value",
        "The value is refused for a reason that has no code of its own, such as a rule of a kind that "
        "another package adds. The message gives the reason as it is.",
    ),
)
