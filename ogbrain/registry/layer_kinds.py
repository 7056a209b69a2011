"""Kinds of layers: those of one kind can stand in for one another. Imports no TensorFlow."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class LayerKind:
    """An interface that layers keep, so that an experiment can take any of them by name."""

    name: str
    """The kind, as manifests and configs call it."""
    summary: str
    """What such a layer does, in one line."""
    arguments: Mapping[str, str]
    """What it is made with, by the argument's name; all else has defaults."""
    call: str
    """What it is called with."""
    output: str
    """What it answers."""
    is_a: str = ""
    """The wider kind that it can stand in for, if any."""

    def fits(self, wanted: str) -> bool:
        """Whether a layer of this kind can be where one of the kind `wanted` is asked for."""
        return wanted in (self.name, self.is_a)


LAYER_KINDS: dict[str, LayerKind] = {
    kind.name: kind
    for kind in (
        LayerKind(
            "sequence_encoder",
            "Reads a sequence into one vector, or into one for each step.",
            {"units": "int, the depth of what it answers", "return_sequences": "bool, a vector for each step"},
            "(batch, time, depth) floats, and mask=(batch, time) bool or None",
            "(batch, width), or (batch, time, width) with return_sequences=True",
        ),
        LayerKind(
            "image_encoder",
            "Sees a picture, or a patch of one, as a vector.",
            {"units": "int, the depth of what it answers"},
            "(batch, height, width, channels) floats",
            "(batch, units)",
        ),
        LayerKind(
            "memory",
            "A sequence encoder whose state can be handed over from one call to the next.",
            {"units": "int", "return_sequences": "bool", "return_state": "bool, the state as well"},
            "as a sequence encoder, and initial_state=what get_initial_state(batch) or an earlier call gave",
            "as a sequence encoder; with return_state=True followed by the state",
            is_a="sequence_encoder",
        ),
        LayerKind(
            "head",
            "Scores classes.",
            {"classes": "int, the number of classes"},
            "(batch, depth) floats",
            "(batch, classes) logits",
        ),
        LayerKind(
            "decoder",
            "Reads a sequence while it looks at another, which it is told of by its states.",
            {"units": "int, the depth of what it answers"},
            "(batch, time, depth) floats, and states=(batch, places, depth) floats",
            "(batch, time, units)",
        ),
    )
}
"""All kinds by name."""
