"""A training loop of one's own: a pipeline of the core, an encoder and a head of two plugins, chosen by their kinds."""

import tempfile

import keras
import tensorflow as tf

import ogbrain
from ogbrain import testing


def main(encoder: str = "working_memory/gru", head: str = "transfer/transfer_head") -> float:
    """Trains a reader of small pictures, row by row; returns its accuracy on the test split.

    Args:
        encoder: Any layer of the kind `sequence_encoder`.
        head: Any layer of the kind `head`.
    """
    builder = testing.TinyImages(data_dir=tempfile.mkdtemp())  # in its place: the name of a data set
    builder.download_and_prepare()
    pipeline = ogbrain.Pipeline(builder, splits={"train": "train", "test": "test"})

    keras.utils.set_random_seed(0)
    rows = keras.Input((8, 8))
    features = ogbrain.layers.get(encoder, kind="sequence_encoder")(units=32)(rows)
    model = keras.Model(rows, ogbrain.layers.get(head, kind="head")(classes=4)(features))
    optimizer = keras.optimizers.Adam(0.01)

    def logits(batch, training):
        return model(tf.cast(batch["image"][..., 0], tf.float32) / 255.0, training=training)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(batch["label"], logits(batch, True), from_logits=True)
            )
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    # Endless batches, each a function of the seed and the step: start_step=100 would go on after the hundredth.
    for batch in pipeline.batches("train", batch_size=32, seed=1, training=True).take(120):
        step(batch)
    (batch,) = pipeline.batches("test", batch_size=64)
    accuracy = float(tf.reduce_mean(tf.cast(tf.argmax(logits(batch, False), -1) == batch["label"], tf.float32)))
    print(f"test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
