"""Recurrent layers beside PyTorch's and stock Keras: `bazel run //benchmarks:recurrent -- --peer_python=PYTHON`.

All that is compared is measured in turn, several times, in one run; a row shows the medians. The rows whose note begins
with `roofline` have as their peer what the matrix products alone would allow. `--rows=lstm,step` measures some only.
"""

import functools
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.report import Report
from ogbrain.config import OptimizerConfig
from ogbrain.training.adam import Adam
from plugins.working_memory.experiments.language_model import LanguageModel
from plugins.working_memory.experiments.language_model_config import LanguageModelConfig
from plugins.working_memory.experiments.linear_cross_entropy import linear_cross_entropy
from plugins.working_memory.layers.bidirectional import Bidirectional
from plugins.working_memory.layers.gru import GRU
from plugins.working_memory.layers.lstm import LSTM
from plugins.working_memory.layers.min_lstm import MinLSTM

ROWS = ("lstm", "lstm_bfloat16", "gru", "bidirectional", "layer_norm", "roofline", "loss", "step", "time", "min_lstm",
        "memory")
flags.DEFINE_string("peer_python", "", "Interpreter of an environment with PyTorch; its rows are left out otherwise.")
flags.DEFINE_list("rows", list(ROWS), "What to measure.")
flags.register_validator("rows", lambda rows: set(rows) <= set(ROWS), f"some of {', '.join(ROWS)}")

VOCABULARY, EMBEDDING, HIDDEN, STEPS, BATCH = 2_000, 128, 256, 64, 64
Run = Callable[[], Any]


class Peer:
    """PyTorch in a process of its own, asked for one measurement at a time."""

    def __init__(self, python: str):
        """Starts the process, which waits when it is not asked."""
        script = pathlib.Path(__file__).resolve().with_name("recurrent_peer.py")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([python, str(script)], stdin=pipe, stdout=pipe, text=True)

    def rate(self, work: str, repeats: int) -> float:
        """Returns how many tokens or steps a second PyTorch does."""
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


class LayerNormCell(keras.layers.Layer):
    """A layer-normalized LSTM as it is composed of stock Keras parts, for `keras.layers.RNN`."""

    def __init__(self):
        super().__init__()
        self.state_size, self.output_size = [HIDDEN, HIDDEN], HIDDEN
        self.input_product = keras.layers.Dense(4 * HIDDEN, use_bias=False)
        self.state_product = keras.layers.Dense(4 * HIDDEN)
        self.norms = [keras.layers.LayerNormalization() for _ in range(3)]

    def build(self, input_shape):
        self.input_product.build(input_shape)
        self.state_product.build((None, HIDDEN))
        for norm, size in zip(self.norms, (4 * HIDDEN, 4 * HIDDEN, HIDDEN), strict=True):
            norm.build((None, size))

    def call(self, inputs, states, training=False):
        h, c = states
        z = self.norms[0](self.input_product(inputs)) + self.norms[1](self.state_product(h))
        i, f, g, o = keras.ops.split(z, 4, -1)
        c = keras.ops.sigmoid(f) * c + keras.ops.sigmoid(i) * keras.ops.tanh(g)
        h = keras.ops.sigmoid(o) * keras.ops.tanh(self.norms[2](c))
        return h, [h, c]


def language_model(layer: Callable[[], keras.layers.Layer], policy: str = "float32") -> Run:
    """Returns a training step of embedding, the layer and logits, with Adam, on fixed tokens.

    Keras' own layers have Keras' own loss and Adam.
    """
    keras.mixed_precision.set_global_policy(policy)
    keras.utils.set_random_seed(0)
    body = keras.Sequential([keras.Input(batch_shape=(BATCH, STEPS)), keras.layers.Embedding(VOCABULARY, EMBEDDING),
                             layer()])
    logits = keras.layers.Dense(VOCABULARY)
    logits.build(body.output_shape)
    keras.mixed_precision.set_global_policy("float32")
    variables = [*body.trainable_variables, *logits.trainable_variables]
    stock = isinstance(body.layers[-1], keras.layers.RNN)
    optimizer = keras.optimizers.Adam(1e-3) if stock else Adam(1e-3)
    optimizer.build(variables)
    tokens = tf.constant(np.random.default_rng(0).integers(0, VOCABULARY, (BATCH, STEPS)), tf.int32)
    weights = tf.fill(tokens.shape, 1.0 / (BATCH * STEPS))
    stock_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss():
        hidden = body(tokens, training=True)
        if stock:
            return stock_loss(tokens, logits(hidden))
        kernel, bias = tf.convert_to_tensor(logits.kernel), tf.convert_to_tensor(logits.bias)
        return linear_cross_entropy(hidden, kernel, bias, tokens, weights)[0]

    @tf.function
    def update():
        with tf.GradientTape() as tape:
            value = loss()
        optimizer.apply(tape.gradient(value, [variable.value for variable in variables]), variables)
        return value

    return update


def layer_update(layer: keras.layers.Layer, steps: int, batch: int) -> Run:
    """Returns a forward and backward pass of a layer alone."""
    inputs = tf.random.stateless_normal((batch, steps, EMBEDDING), (0, 1))
    layer.build(inputs.shape)

    @tf.function
    def update():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(inputs, training=True))
        gradients = tape.gradient(loss, [variable.value for variable in layer.trainable_variables])
        return [tf.reduce_sum(gradient) for gradient in gradients]

    return update


def seconds(run: Run, repeats: int) -> float:
    """Returns the time of one call."""
    start = time.perf_counter()
    for _ in range(repeats):
        result = run()
    tf.nest.map_structure(np.asarray, result)
    return (time.perf_counter() - start) / repeats


def _rate(run: Run, repeats: int, units: int) -> float:
    return units / seconds(run, repeats)


def in_turn(runs: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Measures each in turn, `rounds` times, and returns the medians."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, measure in runs.items():
            times[name].append(measure())
    return {name: statistics.median(values) for name, values in times.items()}


def language_models(report: Report, peer: Peer | None, quick: bool, rows: list[str]) -> None:
    """Training of language models, tokens a second."""
    repeats, rounds = (2, 2) if quick else (6, 5)

    def lstm(**arguments):
        return lambda: LSTM(HIDDEN, return_sequences=True, **arguments)

    ours = {
        "lstm": lambda: language_model(lstm()),
        "lstm_bfloat16": lambda: language_model(lstm(), "mixed_bfloat16"),
        "gru": lambda: language_model(lambda: GRU(HIDDEN, return_sequences=True)),
        "bidirectional": lambda: language_model(lambda: Bidirectional(LSTM(HIDDEN, return_sequences=True))),
        "layer_norm": lambda: language_model(lstm(layer_norm=True)),
    }
    stock = {
        "lstm": lambda: language_model(lambda: keras.layers.LSTM(HIDDEN, return_sequences=True)),
        "gru": lambda: language_model(lambda: keras.layers.GRU(HIDDEN, return_sequences=True)),
        "layer_norm": lambda: language_model(lambda: keras.layers.RNN(LayerNormCell(), return_sequences=True)),
    }
    names = [name for name in ours if name in rows]
    if "lstm_bfloat16" in names and "lstm" not in names:
        names = ["lstm", *names]
    models = {name: ours[name]() for name in names}
    models |= {f"keras {name}": stock[name]() for name in names if name in stock}
    measures: dict[str, Callable[[], float]] = {}
    for name, run in models.items():
        seconds(run, 2)
        measures[name] = functools.partial(_rate, run, repeats, BATCH * STEPS)
    if peer:
        for name in names:
            if name != "layer_norm":
                peer.rate(name, 1)
                measures[f"torch {name}"] = functools.partial(peer.rate, name, repeats)
    rates = in_turn(measures, rounds)
    unit = "tokens/s"
    for name in names:
        for key, note in (("torch", "PyTorch, the same"), ("keras", "stock Keras")):
            if f"{key} {name}" in rates:
                report.add(f"{name}, training", rates[name], rates[f"{key} {name}"], unit, note)
    if "lstm_bfloat16" in names:
        if peer:
            report.add("lstm_bfloat16, training", rates["lstm_bfloat16"], rates["torch lstm"], unit,
                       "PyTorch in float32")
        report.add("lstm_bfloat16, training", rates["lstm_bfloat16"], rates["lstm"], unit, "our float32")
    if "roofline" in rows and names:
        for dtype in ("float32", "bfloat16"):
            name = "lstm" if dtype == "float32" else "lstm_bfloat16"
            if name in rates:
                roofline(report, name, rates[name], dtype)


def bfloat16_loss(report: Report, quick: bool) -> None:
    """The loss on sub-words of real text after some training, by the language-model experiment."""
    losses = {}
    for precision in ("float32", "mixed_bfloat16"):
        config = LanguageModelConfig(
            tokens="subwords", vocabulary=VOCABULARY, embedding=EMBEDDING, units=HIDDEN, steps=STEPS, batch_size=BATCH,
            precision=precision, optimizer=OptimizerConfig(learning_rate=3e-3, clip_norm=1.0))
        experiment = LanguageModel(config)
        experiment.setup(tf.distribute.get_strategy())
        experiment.begin(0)
        sums = [experiment.train_step() for _ in range(20 if quick else 300)]
        losses[precision] = statistics.mean(step.means(step.values.numpy())["loss"] for step in sums[-50:])
    report.add("bfloat16, loss of steps 250 to 300", losses["mixed_bfloat16"], losses["float32"], "nats",
               "float32, same seed and data: sub-words of LibreOffice's help")


def roofline(report: Report, name: str, rate: float, dtype: str) -> None:
    """What the matrix products of the LSTM model cost alone, as the time that they would need one after another."""
    rows, products = BATCH * STEPS, 0.0
    # Each product forward, and its two gradients; the last number is how often a product is done.
    recurrent = [(BATCH, HIDDEN, 4 * HIDDEN, STEPS), (BATCH, 4 * HIDDEN, HIDDEN, STEPS), (HIDDEN, rows, 4 * HIDDEN, 1)]
    inputs = [(rows, EMBEDDING, 4 * HIDDEN, 2), (EMBEDDING, rows, 4 * HIDDEN, 1)]
    logits = [(rows, HIDDEN, VOCABULARY, 1), (rows, VOCABULARY, HIDDEN, 1), (HIDDEN, rows, VOCABULARY, 1)]
    operations = 0
    for m, k, n, times in (*recurrent, *inputs, *logits):
        a, b = tf.ones((m, k), dtype), tf.ones((k, n), dtype)
        multiply = tf.function(lambda a=a, b=b: tf.matmul(a, b))
        seconds(multiply, 2)
        products += times * statistics.median(seconds(multiply, 5) for _ in range(3))
        operations += 2 * m * k * n * times
    speed = operations / products / 1e9
    report.add(f"{name}, training", rate, rows / products, "tokens/s",
               f"roofline: the {operations / 1e9:.0f} GFLOP of products alone, at {speed:.0f} GFLOP/s")


def lengths(report: Report, quick: bool, rows: list[str]) -> None:
    """Long sequences: time, compile time, memory, and the parallel cells."""
    batch, last = 16, 512 if quick else 2048
    rounds = 1 if quick else 3
    times, compiles = {}, {}
    for steps in ((64, 512) if quick else (64, 256, 1024, 2048)) if "time" in rows else ():
        run = layer_update(LSTM(HIDDEN, return_sequences=True), steps, batch)
        start = time.perf_counter()
        seconds(run, 1)
        compiles[steps] = time.perf_counter() - start
        times[steps] = statistics.median(seconds(run, 2) for _ in range(rounds))
    if times:
        first = min(times)
        report.add(f"lstm, a step of {last} beside one of {first}", 1e6 * times[last] / last,
                   1e6 * times[first] / first, "us", "time is linear where the ratio is 1")
        report.add(f"lstm, compiling {last} steps beside {first}", compiles[last] - times[last],
                   compiles[first] - times[first], "s", "flat where the ratio is 1")
    if "min_lstm" in rows:
        min_lstm(report, batch, last, rounds)
    if "memory" in rows:
        memory = {recompute: _memory(recompute, last) for recompute in (True, False)}
        report.add(f"lstm, memory of {last} steps with recompute", memory[True], memory[False], "MB", "without it")


def min_lstm(report: Report, batch: int, last: int, rounds: int) -> None:
    """The parallel cell beside the LSTM on long sequences."""
    small = layer_update(MinLSTM(HIDDEN, return_sequences=True), last, batch)
    large = layer_update(LSTM(HIDDEN, return_sequences=True), last, batch)
    seconds(small, 1), seconds(large, 1)
    figures = in_turn({"small": lambda: seconds(small, 2), "large": lambda: seconds(large, 1)}, rounds)
    report.add(f"minLSTM, training, {last} steps", batch * last / figures["small"], batch * last / figures["large"],
               "tokens/s", "our LSTM")


def _memory(recompute: bool, steps: int) -> float:
    """Returns the most memory in MB that training takes at a length, over what it takes for 32 steps."""
    return _peak(recompute, steps) - _peak(recompute, 32)


def _peak(recompute: bool, steps: int) -> float:
    code = (
        "import pathlib, sys\n"
        "from benchmarks.recurrent import HIDDEN, layer_update\n"
        "from plugins.working_memory.layers.lstm import LSTM\n"
        "layer = LSTM(HIDDEN, return_sequences=True, recompute=bool(int(sys.argv[1])))\n"
        "layer_update(layer, int(sys.argv[2]), 64)()\n"
        # What getrusage tells would have the parent's peak in it.
        "lines = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(int(line.split()[1]) for line in lines if line.startswith('VmHWM')) / 1024)\n")
    root = str(pathlib.Path(__file__).resolve().parents[1])
    done = subprocess.run([sys.executable, "-c", code, str(int(recompute)), str(steps)], cwd=root, text=True,
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, "PYTHONPATH": root})
    return float(done.stdout)


def served(folder: str) -> Run:
    """Returns a call of an exported step as a server makes it: a session, without the Python of `tf.function`."""
    # One thread that does one operation after the other: nothing in a step at batch 1 is worth handing over.
    config = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)
    config.experimental.executor_type = "SINGLE_THREADED_EXECUTOR"
    session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
    with session.graph.as_default():
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], folder)
        signature = loaded.signature_def["serving_default"]
        given, wanted = dict(signature.inputs), [slot.name for slot in signature.outputs.values()]
        call = session.make_callable(wanted, [slot.name for slot in given.values()])
    arrays = [np.zeros([size.size for size in slot.tensor_shape.dim], np.float32) for slot in given.values()]
    return functools.partial(call, *arrays)


def single_step(report: Report, peer: Peer | None, quick: bool) -> None:
    """One step at batch 1 of an exported graph, beside the same arithmetic written bare."""
    layer = LSTM(HIDDEN)
    layer.build((None, None, EMBEDDING))
    signature = [tf.TensorSpec((1, size)) for size in (EMBEDDING, HIDDEN, HIDDEN)]
    kernel, recurrent, bias = (tf.Variable(weight) for weight in layer.get_weights())

    class Module(tf.Module):
        def __init__(self, run, kept):
            self.kept = kept
            self.run = tf.function(run, input_signature=signature)

    def ours(x, h, c):
        output, state = layer.step([h, c], x)
        return {"output": output, "h": state[0], "c": state[1]}

    def bare(x, h, c):
        i, f, g, o = tf.split(tf.matmul(x, kernel) + tf.matmul(h, recurrent) + bias, 4, -1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        return {"output": h, "h": h, "c": c}

    calls = {}
    own = [weight.value for weight in layer.trainable_weights]
    for name, run, kept in (("ours", ours, own), ("bare", bare, [kernel, recurrent, bias])):
        with tempfile.TemporaryDirectory() as folder:
            module = Module(run, kept)
            tf.saved_model.save(module, folder, signatures=module.run)
            calls[name] = served(folder)
    repeats, rounds = (200, 3) if quick else (2000, 7)
    measures: dict[str, Callable[[], float]] = {}
    for name, call in calls.items():
        seconds(call, 20)
        measures[name] = functools.partial(_rate, call, repeats, 1)
    if peer:
        peer.rate("step", 20)
        measures["torch"] = lambda: peer.rate("step", repeats)
    rates = in_turn(measures, rounds)
    work = "lstm, one step at batch 1, exported"
    report.add(work, rates["ours"], rates["bare"], "steps/s", "the bare arithmetic, exported")
    if peer:
        report.add(work, rates["ours"], rates["torch"], "steps/s", "PyTorch's LSTMCell")


def main(_: list[str]) -> None:
    """Measures the rows that are wanted."""
    values = flags.FLAGS
    peer = None
    if values.peer_python:
        peer = Peer(values.peer_python)
    else:
        print("PyTorch is left out: no --peer_python=/path/to/python with torch installed was given")
    report = Report("recurrent")
    language_models(report, peer, values.quick, values.rows)
    if "loss" in values.rows:
        bfloat16_loss(report, values.quick)
    if "step" in values.rows:
        single_step(report, peer, values.quick)
    if peer:
        peer.close()
    lengths(report, values.quick, values.rows)
    report.finish()


if __name__ == "__main__":
    app.run(main)
