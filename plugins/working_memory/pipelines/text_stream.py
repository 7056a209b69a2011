"""Running text in rows, for language models that carry their state from batch to batch."""

import functools

import numpy as np
import tensorflow as tf

from ogbrain.data.decode import decode
from ogbrain.data.pipeline import Pipeline
from ogbrain.data.vocabulary import END, Vocabulary
from ogbrain.errors import UserError, unknown_name

KINDS = ("characters", "subwords")


class TextStream(Pipeline):
    """The texts of a split one after another, each followed by the end id, cut into windows.

    In training the stream is laid out in `batch_size` rows, and step after step gives the next window of each row, so
    the state after one batch is the state before the next; `reset` says where a new epoch begins, whose rows start
    elsewhere. In evaluation windows overlap by half, and only the second half of a window is scored (all of the first
    one), so each token has at least half a window of context, whatever the batch size.

    A batch is `tokens` and `targets`, `(batch, steps)` int32; `scored`, `(batch, steps)` float32; and `reset`,
    `(batch,)` bool.

    Example:
        >>> pipeline = TextStream("libreoffice_help/en_fr", feature="en", steps=64)
        >>> batch = next(iter(pipeline.batches("train", batch_size=32, training=True)))
    """

    def __init__(self, dataset: str, *, feature: str, steps: int = 64, kind: str = "characters", size: int = 2000,
                 splits: tuple[str, str, str] = ("train", "validation", "test"), data_dir: str = ""):
        """Declares the pipeline.

        Args:
            dataset: Name of a dataset with texts.
            feature: The feature that holds them.
            steps: Tokens in a window.
            kind: Tokens: characters or subwords.
            size: The most tokens of the vocabulary.
            splits: TFDS split strings for training, validation and testing.
            data_dir: The folder of data.
        """
        super().__init__(dataset, splits=dict(zip(("train", "validation", "test"), splits, strict=True)),
                         features=[feature], data_dir=data_dir)
        if kind not in KINDS:
            raise unknown_name("kind of token", kind, KINDS)
        if steps < 2 or steps % 2:
            raise UserError(f"steps: {steps} is not allowed; an even number from 2 on")
        self.feature, self.steps, self.kind, self.size = feature, steps, kind, size
        self._streams: dict[str, np.ndarray] = {}
        self._characters: dict[str, int] = {}

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of the training texts."""
        return Vocabulary.of_dataset(self.builder, self.splits["train"], self.feature, kind=self.kind, size=self.size)

    def stream(self, split: str) -> np.ndarray:
        """Returns all tokens of a split, `(tokens,)` int32."""
        if split not in self._streams:
            if split not in self.splits:
                raise unknown_name("split", split, self.splits)
            columns = decode(self.builder, self.splits[split], (), (self.feature,))
            if self.feature not in columns:
                known = decode(self.builder, self.splits[split], (), None)
                raise unknown_name(f"feature of {self.info.full_name}", self.feature, known)
            ids: list[int] = [END]
            for text in columns[self.feature].values:
                ids += self.vocabulary.encode_text(text)
                ids.append(END)
            self._streams[split] = np.array(ids, np.int32)
        return self._streams[split]

    def characters_per_token(self, split: str) -> float:
        """Returns how many characters a token of a split stands for on average; the end of a text counts as one."""
        if self.kind == "characters":
            return 1.0
        tokens = self.vocabulary.tokens
        lengths = np.array([len(token.removeprefix("##")) + (not token.startswith("##")) for token in tokens])
        lengths[END] = 1
        return float(lengths[self.stream(split)[1:]].mean())

    def num_examples(self, split: str) -> int:
        """Returns the number of windows of an evaluation pass."""
        scored = self.steps // 2
        return max(1, -(-(len(self.stream(split)) - 1) // scored) - 1)

    def steps_per_epoch(self, split: str, batch_size: int, *, training: bool = True, shards: int = 1) -> int:
        """Returns the number of batches of an epoch."""
        del shards  # every shard has rows of its own
        if not training:
            return -(-self.num_examples(split) // batch_size)
        steps = (len(self.stream(split)) - 1) // batch_size // self.steps
        if not steps:
            raise UserError(f"batch_size: {batch_size} rows of {self.steps} tokens are more than the "
                            f"{len(self.stream(split))} tokens of split {split!r}")
        return steps

    def batches(self, split: str, *, batch_size: int, seed: int = 0, start_step: int = 0, training: bool = False,
                shard: tuple[int, int] = (0, 1)) -> tf.data.Dataset:
        """Returns batches from a step on; see `Pipeline.batches`."""
        stream = tf.constant(self.stream(split))
        index, shards = shard
        rows = tf.range(index, batch_size, shards, dtype=tf.int64)
        count = self.steps_per_epoch(split, batch_size, training=training)
        window = tf.range(self.steps + 1, dtype=tf.int64)
        length = int(stream.shape[0])

        def in_rows(step):
            epoch, place = step // count, step % count
            offset = tf.random.stateless_uniform(
                [], tf.stack([tf.constant(seed, tf.int64), epoch]), maxval=length, dtype=tf.int64)
            starts = offset + rows * ((length - 1) // batch_size) + place * self.steps
            taken = tf.gather(stream, (starts[:, None] + window) % length)
            return _batch(taken, tf.ones((rows.shape[0], self.steps)), tf.fill(tf.shape(rows), place == 0))

        def in_order(step):
            half = self.steps // 2
            numbers = step * batch_size + rows
            numbers = numbers[numbers < self.num_examples(split)]
            positions = numbers[:, None] * half + window
            taken = tf.gather(stream, tf.minimum(positions, length - 1))
            fresh = (window[1:] > half) | (numbers[:, None] == 0)
            scored = tf.cast(fresh & (positions[:, 1:] < length), tf.float32)
            return _batch(taken, scored, tf.fill(tf.shape(numbers), True))

        stop = np.iinfo(np.int64).max if training else count
        dataset = tf.data.Dataset.range(start_step, stop).map(in_rows if training else in_order)
        return dataset.prefetch(2)


def _batch(taken, scored, reset):
    return {"tokens": taken[:, :-1], "targets": taken[:, 1:], "scored": scored, "reset": reset}
