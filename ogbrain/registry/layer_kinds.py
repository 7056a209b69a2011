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
        return wanted == self.name or bool(self.is_a) and LAYER_KINDS[self.is_a].fits(wanted)


LAYER_KINDS: dict[str, LayerKind] = {
    kind.name: kind
    for kind in (
        LayerKind(
            "encoder",
            "Makes features of what is seen.",
            {},
            "(batch, ...) floats",
            "(batch, width)",
        ),
        LayerKind(
            "sequence_encoder",
            "Reads a sequence into one vector, or into one for each step.",
            {"units": "int, the depth of what it answers", "return_sequences": "bool, a vector for each step"},
            "(batch, time, depth) floats, and mask=(batch, time) bool or None",
            "(batch, width), or (batch, time, width) with return_sequences=True",
            is_a="encoder",
        ),
        LayerKind(
            "recurrent",
            "A sequence encoder whose state can be handed over from one call, or one step, to the next.",
            {"units": "int", "return_sequences": "bool", "return_state": "bool, the state as well"},
            "as a sequence encoder, and initial_state=what get_initial_state(batch) or an earlier call gave",
            "as a sequence encoder; with return_state=True followed by the state; step(state, inputs) for one step",
            is_a="sequence_encoder",
        ),
        LayerKind(
            "image_encoder",
            "Sees a picture, or a patch of one, as a vector.",
            {"units": "int, the depth of what it answers"},
            "(batch, height, width, channels) floats",
            "(batch, units)",
            is_a="encoder",
        ),
        LayerKind(
            "memory",
            "Keeps keys and values, and answers a query with the values of the keys that are near.",
            {"capacity": "int, the most keys", "depth": "int, the length of a key and of a query"},
            "(batch, depth) floats; load(keys, values) sets what it keeps",
            "(batch,)",
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
            "Writes a sequence, and looks at another one after each step.",
            {
                "recurrent": "a layer of the kind recurrent, with return_sequences=True",
                "units": "int, the output's depth",
            },
            "(batch, time, depth) floats, and memory=(batch, places, depth) floats",
            "(batch, time, units), and where it looked, (batch, time, places)",
        ),
    )
}
"""All kinds by name."""
