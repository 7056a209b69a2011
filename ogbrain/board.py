"""Shows runs in TensorBoard: `bazel run //ogbrain:board -- --run_dir=runs`."""

import signal
import threading

from absl import flags

from ogbrain import command
from ogbrain.errors import UserError
from ogbrain.paths import user_path

_RUN_DIR = flags.DEFINE_string("run_dir", "runs", "A run's folder, or a folder of runs.")
_PORT = flags.DEFINE_integer("port", 6006, "The port to listen on, 0 for a free one.")
_HOST = flags.DEFINE_string("host", "127.0.0.1", "The address to listen on.")


def main(arguments: list[str]) -> None:
    """Does what the flags say."""
    command.no_arguments(arguments)
    folder = user_path(_RUN_DIR.value)
    if not 0 <= _PORT.value <= 65535:
        raise UserError(f"--port={_PORT.value}: is not allowed; 1 to 65535, or 0 for a free one")
    if not folder.is_dir():
        raise UserError(f"--run_dir={folder}: there is no such folder; `train` makes runs/ where it is started")
    runs = sum(1 for _ in folder.rglob("tensorboard/events.out.tfevents.*"))
    if not runs:
        raise UserError(f"--run_dir={folder}: has no runs; the folder given to `train`, or that of several runs")
    command.load_tensorflow()
    from tensorboard import program

    port, host = _PORT.value, _HOST.value
    for name in ("port", "host"):
        delattr(flags.FLAGS, name)  # TensorBoard defines its own beside all flags of the program
    board = program.TensorBoard()
    # Without its fast loader, which knows nothing of embeddings that come without a checkpoint.
    board.configure(logdir=str(folder), port=port, host=host, load_fast="false", reload_interval=5.0)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        address = board.launch()
    except program.TensorBoardServerException as error:
        raise UserError(f"--port={port}: {error}; another one, or 0 for a free one") from None
    print(f"{runs} {'run' if runs == 1 else 'runs'} of {folder}: {address}", flush=True)
    stopped.wait()
    print("stopped", flush=True)


if __name__ == "__main__":
    command.run(
        main,
        usage="bazel run //ogbrain:board -- [--run_dir=DIR] [FLAGS]",
        summary="Shows runs in TensorBoard: curves, pictures, episodes, embeddings, hyper-parameters.",
        shown=("run_dir=DIR", "port=N", "host=ADDRESS"),
    )
