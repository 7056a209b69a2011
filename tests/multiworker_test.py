"""Two workers over loopback do what one device does; a run of theirs that was killed goes on."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from absl.testing import absltest

from tests import programs
from tests.end_to_end_test import SMALL

FOLDER = Path(os.environ.get("TEST_TMPDIR", "/tmp"), "multiworker")
PLAIN = (
    *SMALL,
    "--config.steps_per_epoch=8",
    "--config.baseline=none",
    "--config.evaluation_steps=2",
    "--config.places=random",
)


class MultiworkerTest(absltest.TestCase):
    """`--distribute=multiworker` on one machine."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        FOLDER.mkdir()
        cls.data = programs.writable_data(FOLDER / "data")

    def start(self, folder: Path, *arguments: str) -> list[subprocess.Popen]:
        addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
        workers = []
        for index in range(2):
            cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            flags = (f"--run_dir={folder}", "--distribute=multiworker", *arguments)
            with open(FOLDER / f"{folder.name}-{index}.log", "a") as log:
                workers.append(
                    subprocess.Popen(
                        programs.command_line("train", *flags),
                        env=programs.environment(OGBRAIN_DATA_DIR=self.data, TF_CONFIG=json.dumps(cluster)),
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        return workers

    def finish(self, workers: list[subprocess.Popen], folder: Path) -> None:
        for index, worker in enumerate(workers):
            log = (FOLDER / f"{folder.name}-{index}.log").read_text
            try:
                self.assertEqual(worker.wait(timeout=240), 0, log())
            except subprocess.TimeoutExpired:
                for other in workers:
                    os.killpg(other.pid, signal.SIGKILL)
                self.fail(log())

    def test_two_workers_killed_and_resumed(self):
        folder = FOLDER / "run"
        workers = self.start(folder, "--plugin=attention", *PLAIN)
        deadline = time.monotonic() + 240
        while not list(folder.glob("checkpoints/last-*.index")) and time.monotonic() < deadline:
            time.sleep(0.01)
        for worker in workers:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        self.assertFalse((folder / "results.json").exists(), "ended before it was killed")
        self.finish(self.start(folder, "--resume"), folder)
        results = json.loads((folder / "results.json").read_text())
        self.assertEqual(results["steps"], 16)
        self.assertIn("resumed at step 8", (FOLDER / "run-0.log").read_text())
        self.assertLess(results["test"]["loss"], 2.4)


def free_ports(count: int) -> list[int]:
    """Returns ports of the loopback that nothing listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


if __name__ == "__main__":
    absltest.main()
