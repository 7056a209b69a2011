"""A pipeline of some of the examples: so many of each class, some classes only."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data.builders import builder
from ogbrain.data.pipeline import Pipeline
from ogbrain.errors import UserError

SPLITS = ("train", "validation", "test")


def default_splits(data: tfds.core.DatasetBuilder) -> dict[str, str]:
    """Returns TFDS split strings: the data set's own three, or a validation split taken from the end of training."""
    names = set(data.info.splits)
    if set(SPLITS) <= names:
        return {split: split for split in SPLITS}
    if {"train", "test"} <= names:
        return {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}
    only = "train" if "train" in names else sorted(names)[0]
    return {"train": f"{only}[:80%]", "validation": f"{only}[80%:90%]", "test": f"{only}[90%:]"}


def find_label(data: tfds.core.DatasetBuilder, label: str = "") -> str:
    """Returns the name of the feature that holds the class.

    Raises:
        UserError: There is no such feature of classes.
    """
    found = [name for name, feature in data.info.features.items() if isinstance(feature, tfds.features.ClassLabel)]
    chosen = label or ("label" if "label" in found else found[0] if found else "")
    if chosen not in found:
        raise UserError(
            f"data set {data.info.full_name!r} has no classes in a feature {label or 'label'!r}; "
            f"it has: {', '.join(found) or 'none'}"
        )
    return chosen


class SelectedExamples(Pipeline):
    """Examples with a class, of which some are chosen.

    Batches hold `label`, numbered along `label_names`, beside whatever the data set has.

    Args:
        dataset: Name of the data set.
        splits: TFDS split strings of training, validation and test; empty for `default_splits`.
        label: Feature of the class; empty for the one there is.
        classes: Classes to keep; empty keeps all.
        per_class: Training examples of each class; 0 keeps all.
        choice: Seed by which those are chosen.
        data_dir: Folder of all data.
        **kwargs: Passed on to `Pipeline`.

    Example:
        >>> SelectedExamples("fashion_mnist", per_class=5).num_examples("train")
        50
    """

    def __init__(
        self,
        dataset: str,
        *,
        splits: Sequence[str] = (),
        label: str = "",
        classes: Sequence[str] = (),
        per_class: int = 0,
        choice: int = 0,
        data_dir: str = "",
        features: Sequence[str] = (),
        **kwargs,
    ):
        data = builder(dataset, data_dir)
        self.label_feature = find_label(data, label)
        names = data.info.features[self.label_feature].names
        for name in classes:
            if name not in names:
                known = ", ".join(names)
                raise UserError(f"config.classes: {name!r} is not a class of {data.info.full_name}; classes: {known}")
        self.label_names = list(classes) or list(names)
        if len(self.label_names) < 2:
            raise UserError(f"data set {data.info.full_name}: has one class only; at least two are needed")
        self._numbers = np.array([names.index(name) for name in self.label_names])
        self._per_class, self._choice = per_class, choice
        chosen: Mapping[str, str] = dict(zip(SPLITS, splits, strict=True)) if splits else default_splits(data)
        kept = [*features, self.label_feature] if features else None
        super().__init__(data, splits=chosen, features=kept, data_dir=data_dir, **kwargs)
        self._labels = Pipeline(data, splits=chosen, features=[self.label_feature], cache=False)

    def renumbered(self, labels: tf.Tensor) -> tf.Tensor:
        """Returns the data set's numbers of classes, `(batch,)`, as numbers along `label_names`."""
        ordered, ours = tf.constant(np.sort(self._numbers)), tf.constant(np.argsort(self._numbers))
        return tf.ensure_shape(tf.gather(ours, tf.searchsorted(ordered, labels)), (None,))

    def _indices(self, split: str) -> np.ndarray:
        """Returns the places of the chosen examples; the one thing in which this differs from its base."""
        return self._chosen(split)

    @functools.lru_cache(maxsize=8)  # noqa: B019 - lives as long as the run
    def _chosen(self, split: str) -> np.ndarray:
        places = super()._indices(split)
        training = split == "train"
        if len(self._numbers) == len(self.info.features[self.label_feature].names) and not (
            training and self._per_class
        ):
            return places
        batches = self._labels.batches(split, batch_size=4096)
        labels = np.concatenate([batch[self.label_feature].numpy() for batch in batches])
        keep = np.isin(labels, self._numbers)
        if training and self._per_class:
            random = np.random.default_rng(self._choice)
            few = np.zeros(len(labels), bool)
            for number, name in zip(self._numbers, self.label_names, strict=True):
                found = np.flatnonzero(labels == number)
                if not len(found):
                    raise UserError(f"data set {self.info.full_name}: class {name!r} has no training example")
                few[random.permutation(found)[: self._per_class]] = True
            keep &= few
        if not keep.any():
            known = ", ".join(self.label_names)
            raise UserError(f"split {split!r} of {self.info.full_name}: holds no example of {known}")
        return places[keep]
