"""The signature that TensorFlow Serving's Classify call needs, made out of one for Predict."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ogbrain.serving.examples import input_specs

NAME = "classify"


def with_classify(signatures: Mapping[str, Any]) -> dict[str, Any]:
    """Adds `classify` where `serving_default` answers a `label` and `probabilities`.

    It takes serialized `tf.train.Example`s, `inputs` of shape `(batch,)`, with a feature for each input of
    `serving_default`, and answers the best class and its score, `classes` and `scores` of shape `(batch, 1)`. Inputs of
    a shape that is not fixed cannot be had out of examples: then there is no such signature.
    """
    default = signatures["serving_default"]
    outputs = default.get_concrete_function().structured_outputs
    specs = input_specs(default)
    answers = isinstance(outputs, dict) and {"label", "probabilities"} <= outputs.keys()
    fits = answers and outputs["label"].shape.rank == 1 and outputs["probabilities"].shape.rank == 2
    parseable = all(
        spec.shape.rank and spec.shape[1:].is_fully_defined() and spec.dtype in (tf.string, tf.float32, tf.int64)
        for spec in specs.values()
    )
    if NAME in signatures or not fits or not parseable:
        return dict(signatures)
    features = {name: tf.io.FixedLenFeature(spec.shape[1:], spec.dtype) for name, spec in specs.items()}
    answer = default.python_function

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="inputs")])
    def classify(inputs):
        answers = answer(**tf.io.parse_example(inputs, features))
        label, scores = tf.convert_to_tensor(answers["label"]), answers["probabilities"]
        label = label if label.dtype == tf.string else tf.strings.as_string(label)
        return {"classes": label[:, None], "scores": tf.reduce_max(scores, -1, keepdims=True)}

    return {**signatures, NAME: classify}


def serialized(inputs: Mapping[str, Any]) -> list[bytes]:
    """Returns a batch of inputs as serialized `tf.train.Example`s."""
    count = len(next(iter(inputs.values())))
    return [
        tf.train.Example(
            features=tf.train.Features(feature={name: _feature(array[index]) for name, array in inputs.items()})
        ).SerializeToString()
        for index in range(count)
    ]


def _feature(value: Any) -> tf.train.Feature:
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    values = value.ravel().tolist() if hasattr(value, "ravel") else [value]
    if values and isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if values and isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
