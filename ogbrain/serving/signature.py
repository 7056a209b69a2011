"""What a signature of an exported model takes and answers. Imports no TensorFlow."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ogbrain.errors import nearest
from ogbrain.serving import tensors
from ogbrain.serving.request_error import Code, RequestError


@dataclasses.dataclass(frozen=True)
class Slot:
    """An input or an output of a signature."""

    name: str
    """Name by which requests know it."""
    tensor: str
    """Name of the tensor in the graph."""
    enum: int
    """TensorFlow's number of its type."""
    shape: tuple[int | None, ...] | None
    """Sizes, None where any will do; None if even their number is unknown."""

    def __str__(self) -> str:
        sizes = "?" if self.shape is None else ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {tensors.dtype_name(self.enum)} ({sizes})"

    def check(self, array: np.ndarray) -> None:
        """Raises a `RequestError` unless the array fits."""
        if array.dtype != tensors.DTYPES.get(self.enum):
            given = "string" if array.dtype == object else array.dtype.name
            raise RequestError(f"input {self.name!r}: {given} was given; {self} is needed")
        if self.shape is not None and not (
            array.ndim == len(self.shape)
            and all(size in (None, given) for size, given in zip(self.shape, array.shape, strict=True))
        ):
            raise RequestError(f"input {self.name!r}: shape {array.shape} was given; {self} is needed")


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature of an exported model."""

    name: str
    """Its name."""
    inputs: Mapping[str, Slot]
    """What it takes."""
    outputs: Mapping[str, Slot]
    """What it answers."""

    def __str__(self) -> str:
        takes, answers = (", ".join(map(str, slots.values())) for slots in (self.inputs, self.outputs))
        return f"{takes} -> {answers}"

    @property
    def batched(self) -> bool:
        """Whether the first size of all that goes in and out is free, so that requests can be answered together."""
        slots = (*self.inputs.values(), *self.outputs.values())
        return bool(self.inputs) and all(slot.shape and slot.shape[0] is None for slot in slots)

    def check(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Raises a `RequestError` unless the inputs are those that the signature takes."""
        for name in inputs:
            if name not in self.inputs:
                near = nearest(name, self.inputs)
                hint = f"; did you mean {near!r}?" if near else ""
                raise RequestError(f"unknown input {name!r}{hint}; {self.name} takes {', '.join(self.inputs)}")
        missing = [str(slot) for name, slot in self.inputs.items() if name not in inputs]
        if missing:
            raise RequestError(f"missing input {', '.join(missing)}")
        for name, array in inputs.items():
            self.inputs[name].check(array)
        if self.batched:
            sizes = {name: len(array) for name, array in inputs.items()}
            if len(set(sizes.values())) > 1:
                raise RequestError(f"inputs differ in their first size: {sizes}")
            if 0 in sizes.values():
                raise RequestError("an empty batch was given; at least one example")

    def chosen(self, names: Collection[str]) -> tuple[str, ...]:
        """Returns the outputs that a request asks for: all if it names none.

        Raises:
            RequestError: There is no such output.
        """
        for name in names:
            if name not in self.outputs:
                raise RequestError(f"unknown output {name!r}; {self.name} answers {', '.join(self.outputs)}")
        return tuple(dict.fromkeys(names)) or tuple(self.outputs)


def signatures_of(meta_graph: Any) -> dict[str, Signature]:
    """Returns the signatures of a `MetaGraphDef` by name, without the one that sets up the model."""
    return {
        name: Signature(name, _slots(definition.inputs), _slots(definition.outputs))
        for name, definition in sorted(meta_graph.signature_def.items())
        if not name.startswith("__saved_model")
    }


def find(signatures: Mapping[str, Signature], name: str) -> Signature:
    """Returns a signature by name, `serving_default` for an empty one.

    Raises:
        RequestError: There is no such signature.
    """
    name = name or "serving_default"
    if name not in signatures:
        near = nearest(name, signatures)
        hint = f"did you mean {near!r}? " if near else ""
        raise RequestError(f"unknown signature {name!r}; {hint}Known: {', '.join(signatures)}", Code.INVALID_ARGUMENT)
    return signatures[name]


def _slots(infos: Mapping[str, Any]) -> dict[str, Slot]:
    return {name: Slot(name, info.name, info.dtype, _shape(info.tensor_shape)) for name, info in sorted(infos.items())}


def _shape(message: Any) -> tuple[int | None, ...] | None:
    if message.unknown_rank:
        return None
    return tuple(dimension.size if dimension.size >= 0 else None for dimension in message.dim)
