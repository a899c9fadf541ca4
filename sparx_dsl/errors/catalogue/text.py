"""SPX0xx: the text of a spec and its YAML, before it is checked against the language."""

from __future__ import annotations

from typing import Final

from sparx_dsl.errors.catalogue.entry import CodeEntry
from sparx_dsl.errors.code_names import Code

ENTRIES: Final[tuple[CodeEntry, ...]] = (
    CodeEntry(
        Code.TEXT_TOO_LARGE,
        "the text is too large",
        "A spec is a page or two of YAML. A text beyond the limit of bytes is refused before it is read.",
    ),
    CodeEntry(
        Code.NESTED_TOO_DEEPLY,
        "the text is nested too deeply",
        "Mappings and lists inside one another are counted while the text is read, and reading stops at "
        "the limit. The language itself needs fewer than ten levels.",
        "[" * 65,
        "stages: [{channels: 96, depth: 2}]\n",
    ),
    CodeEntry(
        Code.TOO_MANY_VALUES,
        "the text holds too many values",
        "Keys, values, lists and mappings are counted while the text is read, and reading stops at the limit. So does "
        "that of a search space whose conditions, or choices of one key, would be compared too often, whose conditions "
        "tie too many combinations of values together, or whose values would be checked over too large a base.",
    ),
    CodeEntry(
        Code.NOT_UTF8,
        "the text is not UTF-8",
        "A spec is read as UTF-8, with or without a byte order mark. Save the file in that encoding.",
    ),
    CodeEntry(
        Code.INVALID_YAML,
        "the text is not YAML",
        "The text breaks YAML's own rules at this place, so nothing after it could be read.",
        "stem: {kind: conv\n",
        "stem: {kind: conv}\n",
    ),
    CodeEntry(
        Code.YAML_TAG,
        "a tag",
        "Tags (`!something`) ask the reader to make an object of some type. A spec is data only, so "
        "none is accepted; write the plain value.",
        "depth: !!int 2\n",
        "depth: 2\n",
    ),
    CodeEntry(
        Code.YAML_ANCHOR,
        "an anchor or an alias",
        "Anchors (`&name`) and aliases (`*name`) let a small text stand for a huge one, so none is "
        "accepted. What all stages share goes into `layer`; what several specs share goes into one that "
        "they extend.",
        "stem: &shared {kind: conv}\nother: *shared\n",
        "stem: {kind: conv}\nother: {kind: conv}\n",
    ),
    CodeEntry(
        Code.YAML_MERGE_KEY,
        "a merge key",
        "The merge key `<<` is not part of YAML 1.2 and lets a small text stand for a huge one. Use "
        "`extends`, or `layer` for what all stages share.",
        "stem:\n  <<: {kind: conv}\n",
        "stem: {kind: conv}\n",
    ),
    CodeEntry(
        Code.DUPLICATE_KEY,
        "a key is written twice",
        "Many YAML readers silently keep the last of two equal keys. Here it is an error; remove one of them.",
        "stem: {kind: conv, convs: 2, convs: 3}\n",
        "stem: {kind: conv, convs: 3}\n",
    ),
    CodeEntry(
        Code.AMBIGUOUS_VALUE,
        "a value that YAML's versions read differently",
        "`no`, `010`, `1_000`, `1:30` and dates mean one thing in YAML 1.1 and another in YAML 1.2, so "
        "editors and readers disagree on them. Write the value plainly, or quote it if it is text. "
        "`1,000` between brackets or braces is two values, and refused where a number was meant.",
        "head: off\n",
        "head: false\n",
    ),
    CodeEntry(
        Code.INVALID_KEY,
        "a key that is not a name",
        "Keys are names or integers. A list, a mapping, `null`, `true` or a fraction cannot be a key.",
        "? [a, b]\n: 1\n",
        "a: 1\nb: 1\n",
    ),
    CodeEntry(
        Code.SEVERAL_DOCUMENTS,
        "several documents in one text",
        "One text is one backbone. Split the text at its `---` line into files of their own.",
        "name: one\n---\nname: two\n",
        "name: one\n",
    ),
    CodeEntry(
        Code.EMPTY_TEXT,
        "the text is empty",
        "The text holds only blanks and comments.",
        "# nothing yet\n",
        "name: my_backbone\n",
    ),
    CodeEntry(
        Code.NOT_A_MAPPING,
        "the top level is not a mapping",
        "A spec is a mapping from keys to values, one `key: value` a line.",
        "- name: one\n",
        "name: one\n",
    ),
    CodeEntry(
        Code.CONTROL_CHARACTER,
        "a control character",
        "Control characters, marks that turn the direction of writing, and lone surrogates can hide "
        "text or control a terminal, whether they stand in the text or come from an escape. Remove "
        "them.",
        'name: "a\\e[31m"\n',
        'name: "a"\n',
    ),
    CodeEntry(
        Code.INVALID_NUMBER,
        "a number out of range",
        "Integers have at most 18 digits, and fractions are finite: no infinity, no not-a-number.",
        "layer_scale: .inf\n",
        "layer_scale: 1.0\n",
    ),
    CodeEntry(
        Code.VALUE_TOO_LONG,
        "a value is too long",
        "No key and no value of the language needs thousands of characters.",
    ),
    CodeEntry(
        Code.YAML_DIRECTIVE,
        "a directive",
        "Directives (`%TAG`, `%YAML 1.1`) change how the text after them is read. Only `%YAML 1.2` is "
        "accepted, which is how every spec is read anyway.",
        "%YAML 1.1\n---\nname: one\n",
        "name: one\n",
    ),
    CodeEntry(
        Code.NOT_A_YAML_VALUE,
        "a value that YAML cannot hold",
        "A spec given as Python data is made of mappings, sequences, text, numbers, booleans and None, of any "
        "library, and contains neither itself nor anything else. All of it can be read: OmegaConf's missing values and "
        "references to nothing cannot.",
    ),
)
