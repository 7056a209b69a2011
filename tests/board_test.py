"""The board shows what a run has recorded, as a browser sees it."""

import io
import json
import os
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
from absl.testing import absltest
from PIL import Image
from selenium import webdriver

from ogbrain.training.embedding import Embedding
from ogbrain.training.tensorboard_writer import TensorBoardWriter
from tests import programs

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

# All documents of the page: its own, the shadows of its elements, the frames of plugins.
ROOTS = """
function roots(root) {
  const found = [root];
  for (const element of root.querySelectorAll("*")) {
    const inner = element.shadowRoot || (element.tagName == "IFRAME" && element.contentDocument);
    if (inner) found.push(...roots(inner));
  }
  return found;
}
"""
PICTURES = (
    ROOTS
    + """
return roots(document).flatMap(root => [...root.querySelectorAll("img")])
  .filter(image => image.naturalWidth > 0).map(image => image.src);
"""
)
TEXT = ROOTS + """return roots(document).map(root => (root.body || root).textContent).join(" ");"""


class BoardTest(absltest.TestCase):
    """A run with a picture, an episode that moves, points and hyper-parameters."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(os.environ.get("TEST_TMPDIR", "/tmp"), "board")
        rng = np.random.default_rng(0)
        writer = TensorBoardWriter(cls.folder / "runs" / "attention" / "glimpse" / "first" / "tensorboard")
        writer.scalars("validation", {"accuracy": 0.5}, 1)
        writer.image("glimpse_path", rng.integers(0, 255, (40, 60, 3), np.uint8), 1)
        frames = [Image.fromarray(rng.integers(0, 255, (32, 48, 3), np.uint8)) for _ in range(5)]
        file = io.BytesIO()
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
        writer.animation("episode", file.getvalue(), 1)
        vectors = rng.normal(size=(10, 4)).astype(np.float32)
        pictures = rng.integers(0, 255, (10, 8, 8, 3), np.uint8)
        writer.embeddings({"states": Embedding(vectors, [f"label {n}" for n in range(10)], pictures)})
        writer.hyperparameters({"glimpses": 4, "core": "lstm"}, {"accuracy": 0.75})
        writer.close()
        cls.board = subprocess.Popen(
            programs.command_line("board", f"--run_dir={cls.folder / 'runs'}", "--port=0"),
            stdout=subprocess.PIPE,
            text=True,
            env=programs.environment(),
        )
        line = cls.board.stdout.readline()
        cls.address = line.strip().rpartition(" ")[2].rstrip("/")
        cls.wait("scalars of the run", lambda: cls.get("data/plugin/scalars/tags"))

    @classmethod
    def tearDownClass(cls):
        cls.board.terminate()
        cls.board.wait(20)
        super().tearDownClass()

    @classmethod
    def wait(cls, what, ready, seconds=60):
        """Returns the first thing that holds of what `ready` returns."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = ready()
            if found:
                return found
            time.sleep(0.5)
        raise AssertionError(f"not seen in {seconds} s: {what}")

    @classmethod
    def get(cls, path, **query):
        """Returns what the board answers."""
        with urllib.request.urlopen(f"{cls.address}/{path}?{urllib.parse.urlencode(query)}", timeout=30) as answer:
            content = answer.read()
            return json.loads(content) if answer.headers.get_content_type() == "application/json" else content

    def image(self, tag):
        (run,) = self.get("data/plugin/images/tags")
        (sample,) = self.get("data/plugin/images/images", run=run, tag=tag, sample=0)
        query = dict(urllib.parse.parse_qsl(sample["query"]))
        return self.get("data/plugin/images/individualImage", **query)

    def test_pictures_and_episodes_are_served_as_such(self):
        self.assertStartsWith(self.image("glimpse_path"), b"\x89PNG")
        self.assertStartsWith(self.image("episode"), b"GIF8")

    def test_the_projector_has_points_labels_and_pictures(self):
        (run,) = self.get("data/plugin/projector/runs")
        (embedding,) = self.get("data/plugin/projector/info", run=run)["embeddings"]
        self.assertEqual(embedding["tensorName"], "states")
        self.assertEqual(embedding["tensorShape"], [10, 4])
        self.assertIn(b"label 9", self.get("data/plugin/projector/metadata", run=run, name="states"))
        self.assertStartsWith(self.get("data/plugin/projector/sprite_image", run=run, name="states"), b"\x89PNG")

    def test_a_browser_shows_them(self):
        if not (BROWSER and DRIVER):
            # What is served is tested above; this needs Debian's chromium and chromium-driver.
            self.assertTrue(self.get(""), "the page of the board")
            print("no chromium and chromedriver on the PATH: not looked at in a browser")
            return
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1400,1000"):
            options.add_argument(f"--{argument}")
        options.add_argument(f"--user-data-dir={self.folder / 'browser'}")
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.addCleanup(browser.quit)

        def see(tab, script, holds):
            browser.get(f"{self.address}/#{tab}")
            browser.refresh()
            try:
                return self.wait(tab, lambda: holds(browser.execute_script(script)))
            except AssertionError:
                folder = os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR", "/tmp")
                browser.save_screenshot(os.path.join(folder, "board.png"))
                raise

        see("images", PICTURES, lambda found: sum("individualImage" in source for source in found) >= 2)
        see("images", TEXT, lambda text: "glimpse_path" in text and "episode" in text)
        see("hparams", TEXT, lambda text: "glimpses" in text and "lstm" in text and "0.75" in text)
        see("projector", TEXT, lambda text: "10" in text.partition("Points:")[2][:8])


class RefusedTest(absltest.TestCase):
    """What cannot be shown is one line."""

    def test_bad_input(self):
        empty = Path(self.create_tempdir().full_path)
        for arguments, expected in (
            ([f"--run_dir={empty}"], "has no runs"),
            ([f"--run_dir={empty / 'absent'}"], "there is no such folder"),
            ([f"--run_dir={empty}", "--port=70000"], "--port=70000"),
        ):
            outcome = programs.run("board", *arguments)
            self.assertEqual(outcome.code, 2, outcome.errors)
            self.assertIn(expected, outcome.errors)
            self.assertLen(outcome.errors.splitlines(), 1)


if __name__ == "__main__":
    absltest.main()
