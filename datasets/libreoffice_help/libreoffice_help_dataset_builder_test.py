"""Tests of the help builder on a few pages."""

from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.libreoffice_help import help_pages, libreoffice_help_dataset_builder
from ogbrain.data.sources import package_builder_test_case


class LibreofficeHelpTest(package_builder_test_case.PackageBuilderTestCase):
    DATASET_CLASS = libreoffice_help_dataset_builder.Builder
    SPLITS = {"train": 28, "validation": 9, "test": 3}

    def test_page_that_is_not_utf8_is_skipped_and_counted(self):
        builder = self.DATASET_CLASS(config="en_fr", data_dir=self.create_tempdir().full_path)
        builder.download_and_prepare()
        self.assertEqual(builder.info.metadata["skipped"], {"page not UTF-8": 1})

    def test_sentences_that_share_a_translation_are_in_one_split(self):
        places: dict = {}
        for config in ("en_fr", "en_it", "fr_it"):
            builder = self.DATASET_CLASS(config=config, data_dir=self.create_tempdir().full_path)
            builder.download_and_prepare()
            for split in builder.info.splits:
                for example in builder.as_dataset(split=split).as_numpy_iterator():
                    for language, text in example.items():
                        places.setdefault((language, text.lower()), set()).add(split)
        self.assertEqual({len(splits) for splits in places.values()}, {1})


class HelpPagesTest(parameterized.TestCase):
    def test_paragraphs(self):
        page = (
            '<h1 id="hd_id7" dir="auto">A <i>b</i>\n c</h1><p class="x">none</p><p id="par_id8">Press '
            '<span class="switchinline"><span hidden="true" id="MACx" class="MAC"><b>Command</b></span>'
            '<span hidden="true" id="defaultx"><b>Ctrl</b></span></span>&amp;A.</p>'
        )
        self.assertEqual(list(help_pages.paragraphs(page)), [("hd_id7", "A b c"), ("par_id8", "Press Ctrl&A.")])

    def test_sentences_are_paired_only_where_there_are_as_many(self):
        self.assertEqual(
            help_pages.sentence_pairs("One. Two? Three", "Un. Deux ? Trois"),
            [("One.", "Un."), ("Two?", "Deux ?"), ("Three", "Trois")],
        )
        self.assertEqual(help_pages.sentence_pairs("One. Two.", "Un, deux."), [("One. Two.", "Un, deux.")])

    @parameterized.parameters(
        ("Save the file", "Enregistrer le fichier", True),
        ("Save it", "Enregistrer le fichier", False),
        ("a b c", "a b c", False),
        ("one two three", "1 2 3 4 5 6 7", False),
        ("a b c", "un texte beaucoup trop long pour cela", False),
        ("word " * 41, "mot " * 41, False),
    )
    def test_good_pairs(self, source, target, good):
        self.assertEqual(help_pages.is_good_pair(source, target), good)

    @settings(deadline=None)
    @given(st.text() | st.from_regex(r'(<p id="par_id\w*">[^<]{0,9}(<span hidden="true" id="MAC)?(</p>)?){0,5}'))
    def test_any_page_is_read(self, page):
        for identity, text in help_pages.paragraphs(page):
            self.assertRegex(identity, r"^(par|hd)_id\w+$")
            self.assertEqual(text, " ".join(text.split()))


if __name__ == "__main__":
    absltest.main()
