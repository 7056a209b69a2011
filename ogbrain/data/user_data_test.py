"""Tests of data of a user's own."""

import collections
import csv
import io
import json
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ogbrain.data import builders
from ogbrain.data.user_data import read_png
from ogbrain.data.user_listing import Item, list_data, with_splits
from ogbrain.errors import UserError


class UserDataTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(dir=absltest.get_default_test_tmpdir()))
        self.data_dir = str(self.folder / "cache")

    def picture(self, name, seed=0, mode="RGB"):
        file = self.folder / "pictures" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (7, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(file)
        return file

    def prepare(self, path):
        messages = io.StringIO()
        with redirect_stderr(messages):
            builder = builders.builder(f"folder:{path}", self.data_dir)
        names = builder.info.features["label"].names
        rows = {
            split: [
                {**row, "label": names[row["label"]]} for row in builder.as_dataset(split=split).as_numpy_iterator()
            ]
            for split in builder.info.splits
        }
        return builder, rows, messages.getvalue()

    def test_pictures_with_bad_ones_among_them(self):
        for number in range(20):
            self.picture(f"cat/{number}.png", number)
            self.picture(f"dog/deeper/{number}.jpg", 100 + number)
        self.picture("bird/only.png", 500)
        (self.folder / "pictures/cat/broken.png").write_bytes(b"no picture")
        (self.folder / "pictures/dog/notes.txt").write_text("not a picture, and not said to be one")
        (self.folder / "pictures/empty").mkdir()
        builder, rows, messages = self.prepare(self.folder / "pictures")
        self.assertEqual(
            {split: len(found) for split, found in rows.items()}, {"train": 33, "validation": 4, "test": 4}
        )
        self.assertEqual(builder.info.features["label"].names, ["bird", "cat", "dog"])
        self.assertIn("class 'empty'", messages)
        self.assertRegex(messages, "skipped .*cat/broken.png: not a picture")
        self.assertIn("skipped 2 in all, 41 examples are good", messages)
        self.assertIn("class 'bird' has one example, for training", messages)
        self.assertEqual(builder.info.metadata["skipped"], 2)
        self.assertEqual(rows["train"][0]["image"].shape, (7, 9, 3))
        with self.assertNoLogs("absl", "WARNING"):
            again, _, messages = self.prepare(self.folder / "pictures")
        self.assertEqual(again.data_path, builder.data_path)
        self.assertNotIn("skipped", messages)
        self.picture("cat/new.png", 600)
        self.assertNotEqual(self.prepare(self.folder / "pictures")[0].data_path, builder.data_path)

    def test_names_of_any_bytes_and_links_to_nothing(self):
        for label in ("caf\udce9", "caf\udce8"):
            for number in range(4):
                self.picture(f"{label}/\udce9 {number}.PNG", number + 10 * ord(label[3]))
        (self.folder / "pictures/caf\udce9/gone.png").symlink_to(self.folder / "gone")
        builder, rows, messages = self.prepare(self.folder / "pictures")
        self.assertEqual(builder.info.features["label"].names, ["caf\\udce8", "caf\\udce9"])
        self.assertEqual(sum(map(len, rows.values())), 8)
        self.assertRegex(messages, "skipped .*gone.png: a link to nothing")

    def test_names_that_lack_the_prefix(self):
        self.picture("a/1.png")
        for name, message in (
            (f"{self.folder}/pictures", "did you mean 'folder:/.*pictures'"),
            (f"fodler:{self.folder}/pictures", "did you mean 'folder'"),
            ("folder:", "names no folder; folder:PATH"),
        ):
            with self.assertRaisesRegex(UserError, message):
                builders.builder(name, self.data_dir)

    def test_the_users_own_splits(self):
        for split, count in (("train", 3), ("val", 2), ("test", 1)):
            for label in ("a", "b"):
                for number in range(count):
                    self.picture(f"{split}/{label}/{number}.png", sum(map(ord, split + label)) * 10 + number)
        _, rows, _ = self.prepare(self.folder / "pictures")
        self.assertEqual({split: len(found) for split, found in rows.items()}, {"train": 6, "validation": 4, "test": 2})

    def test_a_class_only_in_the_test_split(self):
        self.picture("train/a/1.png"), self.picture("train/b/1.png"), self.picture("test/c/1.png")
        with self.assertRaisesRegex(UserError, "class 'c' is not in the training split"):
            list_data(self.folder / "pictures")

    def test_data_that_cannot_be_learned_is_one_line(self):
        with self.assertRaisesRegex(UserError, "there is no such folder or file"):
            list_data(self.folder / "nothing")
        (self.folder / "file.zip").write_bytes(b"")
        with self.assertRaisesRegex(UserError, "is not a .csv, .tsv, .jsonl file"):
            list_data(self.folder / "file.zip")
        self.picture("a/1.png")
        with self.assertRaisesRegex(UserError, "holds only the class 'a'; at least two"):
            list_data(self.folder / "pictures")
        (self.folder / "pictures/b").mkdir()
        (self.folder / "pictures/b/1.png").write_bytes(b"broken")
        messages = io.StringIO()
        with self.assertRaisesRegex(UserError, "class 'b' has no example that can be read"), redirect_stderr(messages):
            builders.builder(f"folder:{self.folder}/pictures", self.data_dir)
        self.assertRegex(messages.getvalue(), "skipped .*b/1.png: not a picture")

    @parameterized.parameters(".csv", ".tsv", ".jsonl")
    def test_texts(self, suffix):
        path = self.folder / f"texts{suffix}"
        rows = [{"Text": f"text {number}, é\n2", "LABEL": "ab"[number % 2]} for number in range(30)]
        rows += [{"Text": " ", "LABEL": "a"}, {"Text": "x", "LABEL": ""}, {"Text": "long " * 200_000, "LABEL": "b"}]
        with path.open("w", newline="") as file:
            if suffix == ".jsonl":
                file.writelines(json.dumps(row) + "\n" for row in rows)
                file.write("[1]\nbroken\n")
            else:
                writer = csv.DictWriter(file, ["Text", "LABEL"], delimiter="\t" if suffix == ".tsv" else ",")
                writer.writeheader()
                writer.writerows(rows)
        _, found, messages = self.prepare(path)
        self.assertEqual(sum(map(len, found.values())), 31)
        self.assertIn(f"skipped {4 if suffix == '.jsonl' else 2} in all", messages)
        self.assertIn("text 0, é\n2", {row["text"].decode() for rows in found.values() for row in rows})

    def test_texts_of_another_form_are_one_line(self):
        path = self.folder / "texts.csv"
        path.write_text("words,kind\nx,a\n")
        with self.assertRaisesRegex(UserError, "needs the fields 'text' and 'label'; it has words, kind"):
            list_data(path)
        path.write_bytes(b"text,label\n\xff\xfe,a\n")
        with self.assertRaisesRegex(UserError, "is not UTF-8 text"):
            list_data(path)
        path.write_text("")
        with self.assertRaisesRegex(UserError, "holds no examples"):
            list_data(path)
        path.write_text('text,label\nx,a\n"never closed,b\ny,a\n')
        with self.assertRaisesRegex(UserError, "cannot be read after line 2: unexpected end of data"):
            list_data(path)
        path.write_text("text,label,split\nx,a,train\ny,b,trian\n")
        with self.assertRaisesRegex(UserError, "texts.csv:3: split 'trian' is not allowed; .* did you mean 'train'"):
            list_data(path)

    def test_rows_that_do_not_fit_are_named_and_left_out(self):
        path = self.folder / "texts.csv"
        rows = ["text;label", "x; y;a", "x, y;a", "", '"x; z";b;', "only text"]
        path.write_text("\r\n".join(rows), encoding="utf-8-sig")
        listing = list_data(path)
        self.assertEqual([(item.text, item.label) for item in listing.items], [("x, y", "a"), ("x; z", "b")])
        self.assertLen(listing.skipped, 2)
        self.assertRegex(listing.skipped[0], "texts.csv:2: more fields than the header has")
        self.assertEqual(listing.skipped[1], "texts.csv:6: no label")

    def test_values_of_json_that_are_no_texts(self):
        path = self.folder / "texts.jsonl"
        rows = (
            '{"text": 5, "label": 1}', '{"text": "half \\ud83d", "label": true}', '{"text": "x", "label": NaN}',
            '{"text": "x", "label": ["a"]}', '{"text": "x", "lable": "a"}', "[" * 100_000,
        )  # fmt: skip
        path.write_text("\n".join(rows))
        listing = list_data(path)
        self.assertEqual([(item.text, item.label) for item in listing.items], [("5", "1"), ("half \\ud83d", "True")])
        whys = "no label", "is a list or an object", "it has text, lable", "not a JSON object"
        for line, why in zip(listing.skipped, whys, strict=True):
            self.assertIn(why, line)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=1, max_size=80))
    def test_equal_contents_stay_together_and_every_class_is_trained(self, pairs):
        items = with_splits(Item(label, "", text=str(number)) for label, number in pairs)
        places = collections.defaultdict(set)
        for item in items:
            places[item.text].add(item.split)
        self.assertTrue(all(len(splits) == 1 for splits in places.values()))
        self.assertLen(items, len(pairs))
        only = {label: {n for other, n in pairs if other == label} for label, _ in pairs}
        alone = [label for label in only if not any(only[label] & only[other] for other in only if other != label)]
        for label in alone:
            self.assertIn("train", {item.split for item in items if item.label == label})

    @parameterized.parameters("L", "P", "1", "RGBA", "LA")
    def test_kinds_of_pixels(self, mode):
        read = Image.open(io.BytesIO(read_png(self.picture("a/1.png", mode=mode))))
        self.assertEqual((read.mode, read.size), ("RGB", (9, 7)))

    def test_deep_pixels_are_not_clipped(self):
        ramp = np.linspace(0, 1, 9)
        for name, pixels in (("16.png", np.uint16(65535 * ramp)), ("float.tif", np.float32(ramp / 100))):
            file = self.folder / name
            Image.fromarray(np.tile(pixels, (7, 1))).save(file)
            read = np.asarray(Image.open(io.BytesIO(read_png(file))))
            np.testing.assert_allclose(read[0, :, 0], 255 * ramp, atol=1)

    def test_large_pictures_are_shrunk_and_transparency_is_white(self):
        file = self.folder / "large.png"
        Image.new("RGBA", (2000, 100), (0, 0, 0, 0)).save(file)
        read = Image.open(io.BytesIO(read_png(file)))
        self.assertEqual((read.size, read.getextrema()), ((512, 26), ((255, 255),) * 3))


if __name__ == "__main__":
    absltest.main()
