"""Tests of `RandomShift`."""

import numpy as np
from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.errors import UserError
from plugins.episodic_memory.agents.random_shift import RandomShift
from plugins.episodic_memory.environments.environments import Spec


def moved(picture: np.ndarray, down: int, right: int) -> np.ndarray:
    """A picture `(height, width, ...)` moved, pixel by pixel."""
    result = np.zeros_like(picture)
    height, width = picture.shape[:2]
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                result[row, column] = picture[row - down, column - right]
    return result


class RandomShiftTest(absltest.TestCase):
    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.booleans())
    def test_each_picture_is_moved_whole(self, seed, height, width, pixels, channels):
        rng = np.random.default_rng(seed)
        pictures = rng.integers(1, 256, (6, height, width, 3)[: 4 if channels else 3]).astype(np.uint8)
        found = RandomShift(pixels)(pictures, rng)
        self.assertEqual((found.shape, found.dtype), (pictures.shape, pictures.dtype))
        distances = range(-pixels, pixels + 1)
        for picture, result in zip(pictures, found, strict=True):
            self.assertTrue(any((moved(picture, i, j) == result).all() for i in distances for j in distances))

    def test_frames_of_a_stack_move_together(self):
        rng = np.random.default_rng(0)
        picture = rng.random((200, 1, 5, 5), np.float32)
        found = RandomShift(2, stacked=True)(np.repeat(picture, 4, 1), rng)
        np.testing.assert_array_equal(found, np.repeat(found[:, :1], 4, 1))
        self.assertEqual(len({(frame != 0).tobytes() for frame in found}), 25)

    def test_what_is_moved(self):
        def of(shape: tuple[int, ...], stacked: int = 1, pixels: int = 1) -> RandomShift | None:
            return RandomShift.of(Spec(shape, np.dtype(np.uint8), ("left", "right"), stacked), pixels)

        self.assertIsNone(of((4,)))
        self.assertIsNone(of((4, 8), stacked=4))
        self.assertIsNone(of((10, 10, 4), pixels=0))
        for shape, stacked in (((10, 10, 4), 1), ((84, 84), 1), ((4, 84, 84), 4), ((4, 84, 84, 3), 4)):
            shift = of(shape, stacked)
            assert shift is not None
            self.assertEqual(shift.stacked, stacked > 1)
        of((84, 10), pixels=9)
        for shape, stacked in (((84, 10), 1), ((4, 10, 84), 4)):
            with self.assertRaisesRegex(UserError, "config.shift: 10 is not allowed for pictures of .*; at most 9"):
                of(shape, stacked, 10)


if __name__ == "__main__":
    absltest.main()
