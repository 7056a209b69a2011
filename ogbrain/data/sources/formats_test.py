"""Tests of the small formats and of what builders share: IDX, PNG, text, splits, groups, near-duplicates."""

import io
import struct

import numpy as np
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ogbrain.data.sources import ArchiveError
from ogbrain.data.sources.groups import Groups
from ogbrain.data.sources.idx import read_idx
from ogbrain.data.sources.keyed_split import SHARES, split_groups, split_of
from ogbrain.data.sources.near_duplicates import near_duplicates
from ogbrain.data.sources.png import encode_png
from ogbrain.data.sources.text import comparable, decode_utf8, tidy


class FormatsTest(parameterized.TestCase):
    @parameterized.parameters((0x08, ">u1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8"))
    def test_idx_round_trip(self, code, dtype):
        array = np.arange(-6 if dtype != ">u1" else 0, 18 if dtype != ">u1" else 24).reshape(2, 3, 4)
        data = struct.pack(">4B3I", 0, 0, code, 3, 2, 3, 4) + array.astype(dtype).tobytes()
        read = read_idx(data, "f")
        np.testing.assert_array_equal(read, array)
        self.assertTrue(read.dtype.isnative)

    @settings(deadline=None)
    @given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda tail: b"\0\0\x08" + tail))
    def test_any_idx_is_read_whole_or_refused(self, data):
        try:
            array = read_idx(data, "f")
        except ArchiveError:
            return
        self.assertEqual(array.nbytes, len(data) - 4 - 4 * array.ndim)

    @settings(deadline=None)
    @given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32))
    def test_png_is_what_pillow_reads(self, height, width, seed):
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
        with Image.open(io.BytesIO(encode_png(pixels))) as image:
            np.testing.assert_array_equal(np.asarray(image), pixels)

    def test_png_refuses_what_it_would_write_wrongly(self):
        for bad in (np.zeros((2, 2)), np.zeros((2, 2, 3), np.uint8)):
            with self.assertRaises(ValueError):
                encode_png(bad)

    def test_text(self):
        self.assertEqual(decode_utf8("\ufeffcafé".encode(), "f"), "café")
        with self.assertRaisesRegex(ArchiveError, "f: not UTF-8 .byte 0xff at 1"):
            decode_utf8(b"a\xff", "f")
        self.assertEqual(tidy(" cafe\u0301 \n\t x "), "café x")
        self.assertEqual(comparable("Save, the FILE!"), comparable("save the file"))
        self.assertNotEqual(comparable("+"), comparable("-"))

    @settings(deadline=None)
    @given(st.lists(st.text(max_size=5), min_size=1, max_size=200))
    def test_groups_are_whole_and_splits_have_their_shares(self, keys):
        splits = split_groups(keys)
        self.assertEqual(set(splits), set(keys))
        sizes = [keys.count(key) for key in set(keys)]
        for name, share in SHARES.items():
            got = sum(splits[key] == name for key in keys)
            self.assertLessEqual(abs(got - share * len(keys)), max(sizes) + 1)

    def test_hash_split_has_its_shares_and_never_changes(self):
        counts = {split: 0 for split in SHARES}
        for number in range(10_000):
            counts[split_of(f"key {number}")] += 1
        for split, share in SHARES.items():
            self.assertAlmostEqual(counts[split] / 10_000, share, delta=0.015)
        self.assertEqual([split_of(key) for key in "abcdefgh"], [split_of(key) for key in "abcdefgh"])
        self.assertEqual(split_of("The quick brown fox"), "train")  # a stored value: data keeps its split for ever

    @settings(deadline=None)
    @given(st.lists(st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=3), max_size=12))
    def test_groups_are_connected_components(self, joins):
        groups = Groups()
        for members in joins:
            groups.join(members)
        component = {letter: {letter} for letter in "abcdefghij"}
        for members in joins:
            merged = set().union(*(component[member] for member in members))
            for letter in merged:
                component[letter] = merged
        for letter, members in component.items():
            self.assertEqual(groups.name(letter), min(members))

    def test_near_duplicates_are_found_and_others_are_not(self):
        rng = np.random.default_rng(0)
        words = [f"{a}{b}{c}" for a in "abcdefgh" for b in "aeiou" for c in "lmnrst"]
        texts = [" ".join(rng.choice(words, 60)) for _ in range(40)]
        changed = texts[7].split()
        changed[30] = "otherwise"
        texts += [" ".join(changed), texts[9].upper() + " 12345", "short", "short"]
        self.assertEqual(set(near_duplicates(texts)), {(7, 40), (9, 41), (42, 43)})


if __name__ == "__main__":
    absltest.main()
