"""Tests of the stamps builder on a few pictures."""

import io

from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datasets.tuxpaint_stamps import tuxpaint_stamps_dataset_builder
from ogbrain.data.sources import package_builder_test_case


class TuxpaintStampsTest(package_builder_test_case.PackageBuilderTestCase):
    DATASET_CLASS = tuxpaint_stamps_dataset_builder.Builder
    SPLITS = {"train": 16, "validation": 2, "test": 2}

    def test_no_caption_is_in_two_splits(self):
        builder = self._new_builder()
        builder.download_and_prepare()
        places: dict = {}
        for split in builder.info.splits:
            for example in builder.as_dataset(split=split).as_numpy_iterator():
                self.assertEqual(example["image"].shape[-1], 4)
                for language in ("en", "fr", "it", "es"):
                    places.setdefault((language, example[language].lower()), set()).add(split)
        self.assertEqual({len(splits) for splits in places.values()}, {1})
        self.assertEqual(builder.info.metadata["skipped"], {"caption missing": 1, "image does not decode": 1})

    def test_bad_stamps_are_skipped_and_counted(self):
        builder = self._new_builder()
        text = b"A cat.\nfr.utf8=Un chat.\nit.utf8=Un gatto.\nes.utf8=Un gato.\n"
        png = _png("RGBA", (4, 4))
        self.assertIsNotNone(builder._stamp("animals/cat", png, text))
        for name, image, words in (
            ("cars/cat", png, text),
            ("animals/cat", png[:40], text),
            ("animals/cat", b"", text),
            ("animals/cat", _png("L", (5000, 5000)), text),
            ("animals/cat", png, b"\xff" + text),
            ("animals/cat", png, b""),
        ):
            self.assertIsNone(builder._stamp(name, image, words))
        self.assertEqual(
            builder.info.metadata["skipped"],
            {"unknown category": 1, "image does not decode": 3, "text not UTF-8": 1, "caption missing": 1},
        )

    @settings(deadline=None)
    @given(st.binary(max_size=200), st.integers(0, 100), st.booleans())
    def test_any_bytes_for_an_image_are_decoded_or_skipped(self, noise, at, whole):
        png = _png("P", (3, 5))
        data = noise if whole else png[:at] + noise + png[at + len(noise) :]
        text = b"A cat.\nfr.utf8=Un chat.\nit.utf8=Un gatto.\nes.utf8=Un gato.\n"
        stamp = self._new_builder()._stamp("animals/cat", data, text)
        if stamp is not None:
            with Image.open(io.BytesIO(stamp["image"])) as image:
                self.assertEqual(image.mode, "RGBA")

    def _new_builder(self):
        return self.DATASET_CLASS(data_dir=self.create_tempdir().full_path)


def _png(mode, size):
    stream = io.BytesIO()
    Image.new(mode, size, 1 if mode in "PL" else (1, 2, 3, 4)).save(stream, "PNG")
    return stream.getvalue()


if __name__ == "__main__":
    absltest.main()
