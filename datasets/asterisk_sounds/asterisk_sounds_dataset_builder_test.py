"""Tests of the spoken phrases on a few made-up clips, and of the G.722 decoder against a plain reference."""

import numpy as np
from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.asterisk_sounds import asterisk_sounds_dataset_builder, g722
from ogbrain.data.sources import package_builder_test_case


class AsteriskSoundsTest(package_builder_test_case.PackageBuilderTestCase):
    DATASET_CLASS = asterisk_sounds_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = list(asterisk_sounds_dataset_builder.LANGUAGES)
    SPLITS = {"train": 16, "validation": 2, "test": 2}

    def test_all_is_the_five_languages_split_alike(self):
        folder = self.create_tempdir().full_path
        clips = {}
        for name in ("all", *asterisk_sounds_dataset_builder.LANGUAGES):
            builder = self.DATASET_CLASS(config=name, data_dir=folder)
            builder.download_and_prepare()
            clips[name] = {(split, example["speaker"], example["id"], example["audio"].tobytes())
                           for split in builder.info.splits
                           for example in builder.as_dataset(split=split).as_numpy_iterator()}
        self.assertEqual(clips.pop("all"), set().union(*clips.values()))

    def test_sound_and_transcript_belong_together_and_to_one_split(self):
        builder = self.DATASET_CLASS(config="it", data_dir=self.create_tempdir().full_path)
        builder.download_and_prepare()
        places: dict = {}
        for split in builder.info.splits:
            for example in builder.as_dataset(split=split).as_numpy_iterator():
                number = int(example["id"].decode().rpartition("/")[2].removeprefix("clip-"))
                places.setdefault(example["transcript"], set()).add(split)
                # dummy_data: clip number n has 20 + n bytes, byte j is 7 n + j * j
                code = bytes((7 * number + j * j) % 256 for j in range(20 + number))
                np.testing.assert_array_equal(example["audio"], _reference(code))
                self.assertAlmostEqual(example["duration"], 2 * len(code) / 16000, places=6)
        self.assertLen(places, 18)  # three of the twenty say the same
        self.assertEqual({len(splits) for splits in places.values()}, {1})
        self.assertEqual(builder.info.metadata["skipped"], {"no speech": 1, "malformed row": 1, "zero length": 1})


class G722Test(absltest.TestCase):
    def test_known_scale_table(self):
        # The first and the last of the 32 values of block 3, and one between, as the Recommendation prints them.
        self.assertEqual([g722._INVERSE_LOG[i] for i in (0, 16, 31)], [2048, 2896, 4008])

    @settings(max_examples=10, deadline=None)
    @given(st.lists(st.binary(max_size=120), min_size=1, max_size=70))
    def test_clips_side_by_side_equal_the_plain_reference(self, clips):
        for clip, sound in zip(clips, g722.decode_g722(clips), strict=True):
            np.testing.assert_array_equal(sound, _reference(clip))


def _saturate(x):
    return max(-32768, min(32767, x))


class _Band:
    """One band's predictor, sample by sample, in the words of the Recommendation's block 4."""

    def __init__(self, scale):
        self.s = self.sz = self.nb = 0
        self.det = scale
        self.d, self.b = [0] * 7, [0] * 7
        self.r, self.p, self.a = [0] * 3, [0] * 3, [0] * 3

    def adapt(self, d):
        self.d[0], self.r[0], self.p[0] = d, _saturate(self.s + d), _saturate(self.sz + d)
        wd1 = _saturate(self.a[1] << 2)
        wd2 = min(32767, -wd1 if (self.p[0] < 0) == (self.p[1] < 0) else wd1)
        a2 = (128 if (self.p[0] < 0) == (self.p[2] < 0) else -128) + (wd2 >> 7) + ((self.a[2] * 32512) >> 15)
        a2 = max(-12288, min(12288, a2))
        a1 = _saturate((192 if (self.p[0] < 0) == (self.p[1] < 0) else -192) + ((self.a[1] * 32640) >> 15))
        bound = _saturate(15360 - a2)
        a1 = max(-bound, min(bound, a1))
        gain = 128 if d else 0
        for i in range(1, 7):
            step = gain if (self.d[i] < 0) == (d < 0) else -gain
            self.b[i] = _saturate(step + ((self.b[i] * 32640) >> 15))
        self.d = [d, *self.d[:6]]
        self.r, self.p = [self.r[0], *self.r[:2]], [self.p[0], *self.p[:2]]
        self.a = [0, a1, a2]
        sp = _saturate(sum((self.a[i] * _saturate(2 * self.r[i])) >> 15 for i in (1, 2)))
        self.sz = _saturate(sum((self.b[i] * _saturate(2 * self.d[i])) >> 15 for i in range(1, 7)))
        self.s = _saturate(sp + self.sz)


def _scale(nb, most):
    shift, mantissa = most - (nb >> 11), int(g722._INVERSE_LOG[(nb >> 6) & 31])
    return (mantissa << -shift if shift < 0 else mantissa >> shift) << 2


def _reference(clip):
    low, high = _Band(32), _Band(8)
    history, samples = [0] * 24, []
    for code in clip:
        six, four, two = code & 63, (code & 63) >> 2, code >> 6
        rlow = max(-16384, min(16383, low.s + ((low.det * int(g722._LOW_6[six])) >> 15)))
        dlow = (low.det * int(g722._LOW_4[four])) >> 15
        low.nb = max(0, min(18432, ((low.nb * 127) >> 7) + int(g722._LOG[g722._LOG_INDEX[four]])))
        low.det = _scale(low.nb, 8)
        low.adapt(dlow)
        dhigh = (high.det * int(g722._HIGH[two])) >> 15
        rhigh = max(-16384, min(16383, high.s + dhigh))
        high.nb = max(0, min(22528, ((high.nb * 127) >> 7) + (-214, 798)[two in (0, 2)]))
        high.det = _scale(high.nb, 10)
        high.adapt(dhigh)
        history = [*history[2:], rlow + rhigh, rlow - rhigh]
        coefficients = [int(value) for value in g722._MIRROR]
        second = sum(history[2 * i] * coefficients[i] for i in range(12))
        first = sum(history[2 * i + 1] * coefficients[11 - i] for i in range(12))
        samples += [_saturate(first >> 11), _saturate(second >> 11)]
    return np.array(samples, np.int16)


if __name__ == "__main__":
    absltest.main()
