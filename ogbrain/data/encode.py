"""A prepare step that turns text into ids once, before the first batch."""

import dataclasses
import functools
import hashlib
from typing import Any

import numpy as np

from ogbrain.data.vocabulary import END, START, Vocabulary


@dataclasses.dataclass(frozen=True)
class Encode:
    """Adds the ids of a text feature to each example.

    Example:
        >>> vocabulary = Vocabulary.of_dataset(builder, "train", "text", kind="subwords")
        >>> Pipeline(builder, splits=SPLITS, prepare=[Encode(vocabulary, "text", "ids", end=True)], features=["ids"])
    """

    vocabulary: Vocabulary
    """What gives the ids."""

    feature: str
    """The text feature."""

    output: str
    """The name of the ids, `(time,)` int32."""

    start: bool = False
    """Puts the start id first."""

    end: bool = False
    """Puts the end id last."""

    @functools.cached_property
    def fingerprint(self) -> str:
        """Changes with the vocabulary's content and with what is done."""
        digest = hashlib.sha256("\n".join(self.vocabulary.tokens).encode()).hexdigest()
        return f"encode:{self.vocabulary.kind}:{digest}:{self.feature}:{self.output}:{self.start}:{self.end}"

    def __call__(self, example: dict[str, Any]) -> dict[str, Any]:
        """Returns the example with its ids."""
        ids = self.vocabulary.encode_text(example[self.feature])
        ids = [START] * self.start + ids + [END] * self.end
        return {**example, self.output: np.array(ids, np.int32)}
