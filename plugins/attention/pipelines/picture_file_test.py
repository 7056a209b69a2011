"""Tests of reading pictures of a user's own."""

import struct
import tempfile
import zlib
from functools import partial
from pathlib import Path

import hypothesis
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from hypothesis import strategies as st
from PIL import Image

from ogbrain.errors import UserError
from plugins.attention.pipelines.picture_file import decode_pictures, fit_to_canvas, read_picture


def fit(picture, canvas=20, item=8, channels=1):
    return fit_to_canvas(tf.cast(picture, tf.float32), canvas=canvas, item=item, channels=channels)


class ReadPictureTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(dir=absltest.get_default_test_tmpdir()))

    def save(self, image, name="picture.png", **kwargs):
        path = self.folder / name
        image.save(path, **kwargs)
        return path

    @parameterized.parameters(
        ("L", "png"), ("RGB", "png"), ("P", "png"), ("1", "png"), ("CMYK", "jpg"), ("YCbCr", "jpg"), ("L", "bmp"),
        ("RGB", "webp"), ("CMYK", "tiff"), ("LAB", "tiff"),
    )  # fmt: skip
    def test_kinds_of_pixels(self, mode, suffix):
        grey, middle = Image.new("L", (9, 6), 200), Image.new("L", (9, 6), 128)
        if mode == "LAB":
            image = Image.merge("LAB", (grey, middle, middle))
        elif mode == "P":
            image = grey.quantize(4)
        else:
            image = (grey if mode == "1" else grey.convert("RGB")).convert(mode)
        read = read_picture(self.save(image, f"picture.{suffix}"))
        self.assertEqual((read.shape, read.dtype), ((6, 9, 3), np.uint8))
        if mode not in ("1", "LAB"):
            np.testing.assert_allclose(read, 200, atol=6)

    def test_sixteen_bits_keep_their_brightness(self):
        values = np.linspace(0, 65535, 256).astype("uint16").reshape(16, 16)
        read = read_picture(self.save(Image.fromarray(values)))
        np.testing.assert_allclose(read[..., 0], values / 257, atol=1)

    @parameterized.parameters(1.0, 255.0)
    def test_floats(self, peak):
        values = (np.linspace(0, 1, 64).reshape(8, 8) * peak).astype("float32")
        read = read_picture(self.save(Image.fromarray(values), "picture.tiff"))
        np.testing.assert_allclose(read[..., 0], values / peak * 255, atol=1.01)

    def test_transparency_is_black(self):
        pixels = np.full((4, 4, 4), 255, "uint8")
        pixels[:2, :, 3] = 0
        read = read_picture(self.save(Image.fromarray(pixels)))
        self.assertEqual((read[:2].max(), read[2:].min()), (0, 255))
        palette = Image.fromarray(np.arange(16, dtype="uint8").reshape(4, 4)).convert("P")
        self.assertEqual(read_picture(self.save(palette, "p.gif", transparency=3)).shape, (4, 4, 3))

    def test_first_frame_and_upright(self):
        frames = [Image.new("RGB", (5, 4), colour) for colour in ("white", "black")]
        path = self.save(frames[0], "moving.gif", save_all=True, append_images=frames[1:])
        self.assertEqual(read_picture(path).min(), 255)
        exif = Image.Exif()
        exif[0x0112] = 6
        self.assertEqual(read_picture(self.save(Image.new("RGB", (8, 2)), "turned.jpg", exif=exif)).shape, (8, 2, 3))

    def test_odd_sizes(self):
        for size in ((1, 1), (1, 400), (10000, 3)):
            self.assertEqual(read_picture(self.save(Image.new("L", size))).shape, (size[1], size[0], 3))

    def test_what_is_no_picture_is_one_line(self):
        whole = self.save(Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3)).astype("uint8")))
        content = whole.read_bytes()
        (self.folder / "truncated.png").write_bytes(content[: len(content) // 2])
        (self.folder / "text.png").write_text("no picture")
        (self.folder / "empty.png").touch()
        # A PNG header that promises 60,000 x 60,000 pixels.
        header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
        chunk = b"IHDR" + header
        bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        (self.folder / "bomb.png").write_bytes(bomb)
        for name in ("truncated.png", "text.png", "empty.png", "bomb.png", "missing.png", ".", "a\0b"):
            with self.assertRaises(UserError, msg=name) as caught:
                read_picture(self.folder / name)
            self.assertNotIn("\n", str(caught.exception))

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.integers(0, 10**6))
    def test_damage_never_shows_a_traceback(self, place, value, cut):
        path = self.save(Image.fromarray(np.arange(400, dtype="uint8").reshape(20, 20)))
        content = bytearray(path.read_bytes())
        content[place % len(content)] = value
        path.write_bytes(content[: cut % len(content) + 1])
        try:
            self.assertEqual(read_picture(path).ndim, 3)
        except UserError:
            pass


class FitToCanvasTest(parameterized.TestCase):
    @hypothesis.settings(max_examples=25, deadline=None)
    @hypothesis.given(height=st.integers(1, 50), width=st.integers(1, 50), depth=st.integers(1, 4))
    def test_any_picture_becomes_a_canvas(self, height, width, depth):
        picture = np.random.default_rng(height * width).random((height, width, depth))
        for channels in (1, 3):
            got = fit(picture, channels=channels)
            self.assertEqual(got.shape, (20, 20, channels))
            self.assertBetween(float(np.min(got)), 0, 1)
            self.assertBetween(float(np.max(got)), 0, 1)

    def test_a_canvas_is_taken_as_it_is(self):
        picture = np.random.default_rng(0).random((20, 20, 1)).astype("float32") * 0.5
        np.testing.assert_allclose(fit(picture), picture, rtol=1e-6)

    def test_a_thing_is_put_in_the_middle_in_its_trained_size(self):
        picture = np.full((40, 20, 1), 0.8, "float32")
        picture[[0, -1]] = picture[:, [0, -1]] = 0  # a dark border, so it is not inverted
        got = np.asarray(fit(picture))[..., 0]
        rows, columns = np.where(got > 0.2)
        self.assertEqual((rows.min(), rows.max(), columns.min(), columns.max()), (6, 13, 8, 11))
        small = np.full((3, 3, 1), 0.4, "float32")
        self.assertAlmostEqual(float(np.sum(fit(small))), 9 * 0.4, places=5)

    def test_dark_on_light_is_inverted_for_grey_models_only(self):
        picture = np.ones((8, 8, 3), "float32")
        picture[3:5, 3:5] = 0
        self.assertAlmostEqual(float(np.sum(fit(picture))), 4, places=4)
        self.assertAlmostEqual(float(np.sum(fit(picture, channels=3))), 60 * 3, places=4)
        canvas = np.ones((20, 20, 1), "float32")
        np.testing.assert_array_equal(fit(canvas), canvas, "of the canvas' own size: taken as it is")

    def test_opacity(self):
        picture = np.full((4, 4, 4), 0.4, "float32")
        picture[..., 3] = 0.5
        self.assertAlmostEqual(float(np.max(fit(picture))), 0.2, places=5)

    def test_luminance(self):
        for channel, weight in enumerate((0.299, 0.587, 0.114)):
            picture = np.zeros((4, 4, 3), "float32")
            picture[1:3, 1:3, channel] = 1
            self.assertAlmostEqual(float(np.max(fit(picture))), weight, places=4)


class DecodePicturesTest(absltest.TestCase):
    def test_equals_reading_the_file(self):
        folder = Path(tempfile.mkdtemp(dir=absltest.get_default_test_tmpdir()))
        random = np.random.default_rng(0)
        files = []
        for number, shape in enumerate(((8, 8), (30, 17, 3), (20, 20, 4), (1, 1))):
            files.append(folder / f"{number}.png")
            Image.fromarray((random.random(shape) * 120).astype("uint8")).save(files[-1])
        got = tf.function(lambda encoded: decode_pictures(encoded, fit, (20, 20, 1)))(
            tf.constant([file.read_bytes() for file in files])
        )
        self.assertEqual(got.shape, (4, 20, 20, 1))
        for file, picture in zip(files, got, strict=True):
            np.testing.assert_allclose(picture, fit(read_picture(file) / 255), atol=2 / 255)

    def test_odd_pictures_have_an_answer_and_broken_ones_an_error(self):
        folder = Path(tempfile.mkdtemp(dir=absltest.get_default_test_tmpdir()))
        noise = np.random.default_rng(0)
        kinds = {
            "one.png": Image.new("L", (1, 1)),
            "long.png": Image.new("L", (10000, 3)),
            "deep.png": Image.fromarray(noise.integers(0, 65535, (9, 9)).astype("uint16")),
            "moving.gif": Image.new("L", (5, 4), 200),
        }
        for name, image in kinds.items():
            frames = {"save_all": True, "append_images": [Image.new("L", (5, 4))]} if name == "moving.gif" else {}
            image.save(folder / name, **frames)
        answer = tf.function(lambda encoded: decode_pictures(encoded, fit, (20, 20, 1)))
        got = answer(tf.constant([(folder / name).read_bytes() for name in kinds]))
        self.assertTrue(np.all(np.isfinite(got)))
        Image.fromarray(noise.integers(0, 255, (50, 50)).astype("uint8")).save(folder / "whole.png")
        whole = (folder / "whole.png").read_bytes()
        moving = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue")]
        moving[0].save(folder / "moving.webp", save_all=True, append_images=moving[1:])
        moving[0].save(folder / "still.webp", lossless=True)
        still = tf.constant([(folder / "still.webp").read_bytes()])
        still = decode_pictures(still, partial(fit, channels=3), (20, 20, 3))
        np.testing.assert_allclose(still[0, 10, 10], [1, 0, 0], atol=0.02)
        for content in (whole[:900], b"no picture", b"", (folder / "moving.webp").read_bytes()):
            with self.assertRaises(tf.errors.InvalidArgumentError):
                answer(tf.constant([content]))

    def test_no_picture(self):
        self.assertEqual(decode_pictures(tf.constant([], tf.string), fit, (20, 20, 1)).shape, (0, 20, 20, 1))


if __name__ == "__main__":
    absltest.main()
