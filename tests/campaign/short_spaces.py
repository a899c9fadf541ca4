"""Spaces of a few lines whose values tie very many combinations together, more of them the longer a text may be."""

from __future__ import annotations

from collections.abc import Callable

STAGE = "{channels: 8, depth: 2, S: 2}"
DEEP = "{channels: 8, depth: 512, S: 2}"


def space_of(choices: str, stages: str = STAGE, head: str = "none") -> str:
    """The text of a space with these choices, a line for each."""
    base = f"sparx: 1, name: x, stem: {{kind: patch}}, layer: {{mixer: {{kind: ssm}}}}, head: {{kind: {head}}}"
    lines = "".join(f"  {line}\n" for line in choices.splitlines())
    return f"space: 1\nspec: {{{base}, stages: [{stages}]}}\nchoices:\n{lines}"


def up_to(size: int, most: int) -> str:
    """A range that ends at ``most`` where a text may have a mebibyte, and sooner where it may have less."""
    return f"{{from: 1, to: {max(2, min(most, most * size // 2**20 + most // 64))}}}"


def mixers(count: int) -> str:
    """So many different mixers in a list."""
    return ", ".join(f"{{kind: ss2d, state: {n % 256 + 1}, expand: {n // 256 % 4 + 1}}}" for n in range(count))


def many(count: int, line: Callable[[int], str]) -> str:
    """So many numbered lines."""
    return "\n".join(map(line, range(1, count + 1)))


def settings_of(layers: int, number: int) -> str:
    """A mapping for so many layers, another for each number."""
    return f"{{{', '.join(f'{n}: {{norm_eps: {(n + number) / 10_000}}}' for n in range(1, layers + 1))}}}"


SHORT_SPACES: dict[str, Callable[[int], str]] = {
    "conditions on many values": lambda size: space_of(
        f"a: {up_to(size, 8192).replace('{', '{at: stages.1.channels, ')}\n"
        + many(60, lambda n: f"c{n}: {{at: stages.1.depth, values: [1, 2], when: {{a: [{n}]}}}}")
    ),
    "depths and strides": lambda size: space_of(
        f"stages.1.depth: {up_to(size, 512)}\nstages.1.S: {up_to(size, 512)}"
    ),
    "depths, strides and windows": lambda size: space_of(
        "\n".join(f"stages.*.{key}: {up_to(size, 64)}" for key in ("depth", "S", "M")), ", ".join([STAGE] * 16)
    ),
    "widths of all stages": lambda size: space_of(
        f"stages.*.channels: {up_to(size, 2048)}", ", ".join([STAGE] * 16)
    ),
    "widths of a deep stage": lambda size: space_of(
        f"stages.1.channels: {up_to(size, 4096)}\nlayer.mixer.state: {up_to(size, 64)}", DEEP
    ),
    "every layer by itself": lambda size: space_of(
        "stages.1.layers.*.dpe: [true, false]\nstages.1.layers.*.norm: [group, layer]\n"
        "stages.1.layers.*.ffn: [{kind: none}, {kind: conv}]", DEEP
    ),
    "layers that may be there": lambda size: space_of(
        f"stages.1.depth: {up_to(size, 512)}\nstages.1.layers.*.dpe: [true, false]", DEEP
    ),
    "options of a head": lambda size: space_of(
        f"head.classes: {up_to(size, 8192)}\nhead.pool_first: [true, false]\nhead.eps: [1.0e-5, 1.0e-6, 1.0e-7]",
        head="linear",
    ),
    "mixers of all stages": lambda size: space_of(
        f"stages.*.layer.mixer: [{mixers(min(1000, size // 64))}]", ", ".join([STAGE] * 16)
    ),
    "mixers of all layers": lambda size: space_of(
        f"stages.1.layers.*.mixer: [{mixers(min(250, size // 64))}]", "{channels: 8, depth: 64}"
    ),
    "epsilons of all layers": lambda size: space_of(
        "stages.*.layers.*.norm_eps: {from: 0.0001, to: 0.9999, step: 0.0001}", f"{DEEP}, {DEEP}"
    ),
    "settings of many layers": lambda size: space_of(
        f"stages.1.layers: [{', '.join(settings_of(59, n) for n in range(min(100, size // 2000)))}]",
        "{channels: 8, depth: 500}, {channels: 16, depth: 500}"
    ),
    "settings of a stage": lambda size: space_of(
        f"stages.1: [{', '.join(f'{{layer: {{norm_eps: {n / 10_000}}}}}' for n in range(1, min(800, size // 64)))}]\n"
        "stages.1.layer: [{dpe: true}, {dpe: false}]", DEEP
    ),
    "a link to each layer": lambda size: space_of(
        many(min(300, size // 400), lambda n: f"c{n}: {{link: {{from: stage1.layer{n}, to: stage1.layer{n + 200}}}}}"),
        DEEP,
    ),
    "links to few layers": lambda size: space_of(
        many(size // 400, lambda n: f"c{n}: {{link: {{from: stage1.layer{n % 200 + 1}, to: stage1.layer"
             f"{300 + n // 200 % 100 * 2}}}}}"), DEEP
    ),
    "many choices of many values": lambda size: space_of(
        f"stages.1.channels: [{', '.join(str(8 * n) for n in range(1, size // 300))}]\n"
        f"stages.2.channels: [{', '.join(str(8 * n) for n in range(1, size // 300))}]", f"{STAGE}, {STAGE}"
    ),
    "values over a long base": lambda size: space_of(
        f"head.classes: [{', '.join(map(str, range(1, min(8000, size // 128))))}]",
        "{channels: 8, depth: 512, layers: {"
        + ", ".join(f"{n}: {{dpe: false, norm: layer, layer_scale: 1.0}}" for n in range(1, min(513, size // 128)))
        + "}}", head="linear",
    ),
}  # fmt: skip

LARGE_CHOICES: dict[str, str] = {
    "a range of 4,096 widths": "stages.3.channels: {from: 1, to: 4096}",
    "4,096 numbers of classes": f"head.classes: [{', '.join(map(str, range(1, 4097)))}]",
    "4,096 mixers of a stage": f"stages.3.layer.mixer: [{mixers(1024)}, "
    + ", ".join(f"{{kind: ss2d, state: {n % 256 + 1}, expand: {n // 256 + 1}, conv: {c}}}" for c in (5, 7, 9)
                for n in range(1024)) + "]",
    "4,096 rates": f"drop_path: [{', '.join(f'{n / 8192:.6f}' for n in range(4096))}]",
}  # fmt: skip
"""Choices of so many values, each in a space of its own."""
