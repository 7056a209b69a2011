"""Translation beside PyTorch: `bazel run //benchmarks:translate -- --peer_python=PYTHON`.

The model is the default of `attention/translate`: bidirectional GRU encoder, GRU decoder, additive attention. Training
is a step on sentences of one length; decoding is the exported graph, from ids to ids, always to the same number of
tokens. All that is compared is measured in turn in one run; a row shows the medians.
"""

import functools
import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.report import Report
from plugins.attention.experiments.recurrent_translator import RecurrentTranslator
from plugins.attention.layers.rotary_attention import RotaryAttention
from plugins.attention.layers.search import beam_search, greedy_search

flags.DEFINE_string("peer_python", "", "Interpreter of an environment with PyTorch; its rows are left out otherwise.")

Run = Callable[[], Any]
VOCABULARY, LENGTH, BATCH, LIMIT, START, END = 4_000, 28, 32, 64, 2, 3


class Peer:
    """PyTorch in a process of its own, which waits when it is not asked."""

    def __init__(self, python: str):
        """Starts the process."""
        script = pathlib.Path(__file__).resolve().with_name("translate_peer.py")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([python, str(script)], stdin=pipe, stdout=pipe, text=True)

    def rate(self, work: str, repeats: int) -> float:
        """Returns how many tokens a second PyTorch does."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{work} {repeats}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the PyTorch process ended; is PyTorch installed there?")
        return float(line)

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def translator() -> RecurrentTranslator:
    """Returns the model, which never writes the end."""
    keras.utils.set_random_seed(0)
    model = RecurrentTranslator(
        source_size=VOCABULARY, target_size=VOCABULARY, attention="additive", cell="gru", embedding=128, units=192,
        attention_units=128, dropout=0.2, input_feeding=False,
    )
    bias = model.logits.bias.numpy()
    bias[END] = -1e9
    model.logits.bias.assign(bias)
    return model


def training(model: RecurrentTranslator) -> Run:
    """Returns a training step on fixed tokens."""
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    # The end is never written, see above.
    source, target = tf.constant(np.random.default_rng(0).integers(4, VOCABULARY, (2, BATCH, LENGTH)), tf.int32)

    @tf.function(jit_compile=True)
    def cross_entropy(logits):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits))

    @tf.function
    def update():
        with tf.GradientTape() as tape:
            loss = cross_entropy(model.teach(model.read(source, True), target, True)[0])
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
        return loss

    return update


def exported(model: RecurrentTranslator, folder: str) -> Any:
    """Returns greedy and beam search, saved and loaded again."""
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]

    def begin(source):
        constants, state = model.begin(model.read(source), tf.constant(LIMIT))
        options = {"rows": tf.shape(source)[0], "limit": tf.constant(LIMIT), "start": START, "end": END}
        return (model.step, constants, state), options

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32, "source")])
    def greedy(source):
        arguments, options = begin(source)
        return {"ids": greedy_search(*arguments, **options)}

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32, "source")])
    def beam(source):
        arguments, options = begin(source)
        return {"ids": beam_search(*arguments, **options, beams=5)[0]}

    tf.saved_model.save(module, folder, signatures={"greedy": greedy, "beam": beam})
    return tf.saved_model.load(folder)


def cached(place: int, longest: int = 1024, steps: int = 32) -> Run:
    """Returns the decoding of some tokens from a place on, with a cache."""
    layer = RotaryAttention(32, 8, 2, causal=True)
    layer.build((None, None, 256))
    token = tf.random.stateless_normal((4, 256), (0, 1))
    cache = [tf.Variable(part) for part in layer.empty_cache(4, longest)]

    @tf.function
    def run():
        def advance(n, x, keys, values):
            output, (keys, values) = layer.step(x, (keys, values), n)
            return n + 1, output, keys, values

        return tf.while_loop(lambda n, *_: n < place + steps, advance, (place, token, *map(tf.identity, cache)))[1]

    return run


def seconds(run: Run, repeats: int) -> float:
    """Returns the time of one call."""
    start = time.perf_counter()
    for _ in range(repeats):
        result = run()
    tf.nest.map_structure(lambda tensor: tensor.numpy(), result)
    return (time.perf_counter() - start) / repeats


def main(_: list[str]) -> None:
    """Runs everything."""
    values = flags.FLAGS
    peer = Peer(values.peer_python) if values.peer_python else None
    if peer is None:
        print("PyTorch is left out: no --peer_python=/path/to/python with torch installed was given")
    report = Report("translate")
    model = translator()
    sentences = np.random.default_rng(0).integers(4, VOCABULARY, (BATCH, LENGTH)).astype(np.int32)
    with tempfile.TemporaryDirectory() as folder:
        loaded = exported(model, folder)
        greedy, beam = (loaded.signatures[name] for name in ("greedy", "beam"))
        runs: dict[str, tuple[Run, int]] = {
            "training": (training(model), BATCH * LENGTH),
            "greedy 32": (functools.partial(greedy, source=tf.constant(sentences)), BATCH * LIMIT),
            "greedy 1": (functools.partial(greedy, source=tf.constant(sentences[:1])), LIMIT),
            "beam 32": (functools.partial(beam, source=tf.constant(sentences)), BATCH * LIMIT),
            "cached 32": (cached(0), 4 * 32),
            "cached 1024": (cached(1024 - 32), 4 * 32),
        }
        times: dict[str, list[float]] = {}
        for function, _tokens in runs.values():
            seconds(function, 2)
        repeats, rounds = (2, 2) if values.quick else (5, 5)
        for _turn in range(rounds):
            for name, (run, tokens) in runs.items():
                times.setdefault(name, []).append(tokens / seconds(run, repeats))
                if peer and name in ("training", "greedy 32", "greedy 1"):
                    times.setdefault(f"torch {name}", []).append(peer.rate(name, repeats))
    rates = {name: statistics.median(found) for name, found in times.items()}
    unit = "tokens/s"
    if peer:
        report.add("training", rates["training"], rates["torch training"], unit, "PyTorch, the same model")
        for batch in (32, 1):
            report.add(f"greedy, batch {batch}, exported", rates[f"greedy {batch}"], rates[f"torch greedy {batch}"],
                       unit, "PyTorch's loop of steps, keys computed once")
        peer.close()
    report.add("beam 5, batch 32, exported", 1e3 / rates["beam 32"], 1e3 / rates["greedy 32"], "ms/token",
               "greedy search")
    report.add("cached attention, token 1,024 beside token 32", 1e6 / rates["cached 1024"], 1e6 / rates["cached 32"],
               "us/token", "flat where the ratio is 1")
    report.finish()


if __name__ == "__main__":
    app.run(main)
