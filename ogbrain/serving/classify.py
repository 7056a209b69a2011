"""The signature that TensorFlow Serving's Classify call needs, made out of one for Predict."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ogbrain.serving.examples import input_specs

NAME = "classify"


def with_classify(signatures: Mapping[str, Any]) -> dict[str, Any]:
    """Adds `classify` where `serving_default` answers what `ogbrain.label_answers` makes.

    It takes serialized `tf.train.Example`s, `inputs` of shape `(batch,)`, with a feature for each input of
    `serving_default`, and answers all classes, the most probable first: `classes` and `scores`, `(batch, classes)`.
    Inputs of a shape that is not fixed cannot be had out of examples: then there is no such signature.
    """
    default = signatures["serving_default"]
    outputs = default.get_concrete_function().structured_outputs
    specs = input_specs(default)
    answers = isinstance(outputs, dict) and {"classes", "probabilities"} <= outputs.keys()
    fits = answers and all(outputs[name].shape.rank == 2 for name in ("classes", "probabilities"))
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
        best = tf.math.top_k(answers["probabilities"], tf.shape(answers["probabilities"])[-1])
        return {"classes": tf.gather(answers["classes"], best.indices, batch_dims=1), "scores": best.values}

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
