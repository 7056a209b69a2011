"""Tests of the e-mail builder on a few messages."""

import json

from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.spam_assassin import mail_body, spam_assassin_dataset_builder
from ogbrain.data.sources import package_builder_test_case


class SpamAssassinTest(package_builder_test_case.PackageBuilderTestCase):
    DATASET_CLASS = spam_assassin_dataset_builder.Builder
    SPLITS = {"train": 29, "validation": 3, "test": 4}

    def test_near_duplicates_are_in_one_split(self):
        builder = self._new_builder()
        builder.download_and_prepare()
        places: dict = {}
        for split in builder.info.splits:
            for example in builder.as_dataset(split=split).as_numpy_iterator():
                if b"lottery" in example["text"]:  # dummy_data: six messages that differ in a name and a number
                    places.setdefault(split, []).append(example["label"])
        self.assertLen(places, 1)
        self.assertEqual([*places.values()], [[1] * 6])

    def test_malformed_files_and_empty_mails_are_skipped_and_counted(self):
        builder = self._new_builder()
        empty = json.dumps({"group": "spam-1", "text": "Subject: x\n\n  \n"}).encode()
        for data in (b"{", b"\xff", b"[]", b'{"group": "eggs", "text": "a"}', b'{"group": "spam-1", "text": 1}', empty):
            self.assertIsNone(builder._mail("f", data))
        self.assertEqual(builder.info.metadata["skipped"], {"malformed file": 5, "no text": 1})

    def _new_builder(self):
        return self.DATASET_CLASS(data_dir=self.create_tempdir().full_path)


class MailBodyTest(absltest.TestCase):
    def test_headers_and_tags_are_left_out(self):
        message = (
            "From x Thu Aug 22\nReceived: secret\nContent-Type: multipart/alternative; boundary=B\n\n"
            "--B\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9\n\n"
            "--B\nContent-Type: text/html\n\n<style>p {}</style><p>Tea &amp;\n <b>cake</b></p>\n"
            "--B\nContent-Type: image/png\n\nnoise\n--B--\n"
        )
        self.assertEqual(mail_body.mail_body(message), "Café\n\nTea & cake")

    def test_headers_of_a_message_passed_on_are_left_out(self):
        self.assertEqual(
            mail_body.mail_body("Subject: a\n\nReceived: from x\n by y\nSubject: b\n\nGood day"), "Good day"
        )

    def test_unknown_encoding_is_read_as_latin_1(self):
        self.assertEqual(mail_body.mail_body("Content-Type: text/plain; charset=klingon\n\nplain"), "plain")

    @settings(deadline=None)
    @given(
        st.text() | st.from_regex(r"(Content-Type: (text/html|multipart/mixed; boundary=B)\n){0,2}\n(.|--B\n){0,20}")
    )
    def test_any_message_is_read(self, message):
        self.assertEqual(mail_body.mail_body(message).strip(), mail_body.mail_body(message))


if __name__ == "__main__":
    absltest.main()
