"""Tests of the archive readers: what they give, what they refuse, and any damage at all."""

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.data.sources import ArchiveError, Limits, decompress_gzip, read_archive
from ogbrain.data.sources.archive_reader import safe_name

FILES = {"usr/share/a.txt": b"alpha" * 100, "usr/share/b.bin": bytes(range(256)), "empty": b""}


def _tar(files, kinds=None):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if kinds and name in kinds:
                member.type, member.linkname, member.size = kinds[name], "/etc/passwd", 0
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def _deb(data, name="data.tar.xz"):
    archive = b"!<arch>\n"
    for member, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), (name, data)):
        archive += f"{member:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        archive += b"\n" * (len(content) % 2)
    return archive


def _zip(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


WHOLE = {
    "a.deb": _deb(lzma.compress(_tar(FILES))),
    "gz.deb": _deb(gzip.compress(_tar(FILES)), "data.tar.gz"),
    "plain.deb": _deb(_tar(FILES), "data.tar"),
    "a.tgz": gzip.compress(_tar(FILES)),
    "a.tar.gz": gzip.compress(_tar(FILES)),
    "a.whl": _zip(FILES),
}


class ArchiveReaderTest(parameterized.TestCase):
    def _read(self, name, data, wanted=lambda name: True, limits=None):
        path = Path(self.create_tempdir().full_path) / name
        path.write_bytes(data)
        return dict(read_archive(path, wanted, limits or Limits()))

    @parameterized.parameters(*WHOLE)
    def test_all_files_come_back(self, name):
        self.assertEqual(self._read(name, WHOLE[name]), FILES)
        only = self._read(name, WHOLE[name], wanted="empty".__eq__)
        self.assertEqual(only, {"empty": b""})

    @parameterized.parameters("../up", "/abs", "a/../../up", "a\\b", "..")
    def test_paths_that_leave_are_refused_even_if_not_wanted(self, evil):
        for name, data in (("a.tgz", gzip.compress(_tar({evil: b"x", **FILES}))), ("a.whl", _zip({evil: b"x"}))):
            with self.subTest(name), self.assertRaisesRegex(ArchiveError, "leaves the archive"):
                self._read(name, data, wanted="empty".__eq__)

    @parameterized.parameters(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    def test_links_and_devices_in_place_of_files_are_refused(self, kind):
        data = gzip.compress(_tar(FILES, {"empty": kind}))
        with self.assertRaisesRegex(ArchiveError, "not a plain file"):
            self._read("a.tgz", data)
        self.assertLen(self._read("a.tgz", data, wanted=lambda name: name != "empty"), 2)

    def test_symlink_in_a_zip_is_refused(self):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            link = zipfile.ZipInfo("link")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
        with self.assertRaisesRegex(ArchiveError, "not a plain file"):
            self._read("a.whl", stream.getvalue())

    @parameterized.parameters("a.deb", "a.tgz", "a.whl")
    def test_bombs_are_refused(self, name):
        zeros = {"zeros": bytes(4 << 20)}
        data = {"a.deb": _deb(lzma.compress(_tar(zeros))), "a.tgz": gzip.compress(_tar(zeros)), "a.whl": _zip(zeros)}
        self.assertLess(len(data[name]), 20_000)
        for limits in (Limits(total_bytes=1 << 20), Limits(member_bytes=1 << 20)):
            with self.assertRaisesRegex(ArchiveError, "refused"):
                self._read(name, data[name], limits=limits)
        with self.assertRaisesRegex(ArchiveError, "more than 2 members"):
            self._read(name, WHOLE[name], limits=Limits(members=2))

    def test_gzip_bomb_is_refused(self):
        bomb = gzip.compress(bytes(2 << 20))
        self.assertLen(decompress_gzip(bomb, "f", 2 << 20), 2 << 20)
        with self.assertRaisesRegex(ArchiveError, "f: unpacks to more"):
            decompress_gzip(bomb, "f", (2 << 20) - 1)

    def test_other_archives_are_refused(self):
        for name, data in (
            ("a.rar", b""),
            ("a.deb", b"!<arch>\n"),
            ("a.deb", _deb(b"", "data.tar.lz4")),
            ("a.deb", b"x"),
        ):
            with self.assertRaises(ArchiveError):
                self._read(name, data)

    @settings(deadline=None)
    @given(st.sampled_from(sorted(WHOLE)), st.data())
    def test_any_damage_is_refused_or_harmless(self, name, data):
        archive = bytearray(WHOLE[name])
        if data.draw(st.booleans(), "cut"):
            archive = archive[: data.draw(st.integers(0, len(archive) - 1), "length")]
        for _ in range(data.draw(st.integers(0, 4), "changes")):
            if archive:
                archive[data.draw(st.integers(0, len(archive) - 1), "at")] = data.draw(st.integers(0, 255), "byte")
        try:
            files = self._read(name, bytes(archive))
        except ArchiveError as error:
            self.assertNotIn("\n", str(error))
            return
        self.assertTrue(all(safe_name(path, "f") == path for path in files))

    @settings(deadline=None)
    @given(st.sampled_from(["a.deb", "a.tgz", "a.whl"]), st.binary(max_size=300))
    def test_noise_is_refused(self, name, noise):
        try:
            self.assertEqual(self._read(name, noise), {})
        except ArchiveError:
            pass


if __name__ == "__main__":
    absltest.main()
