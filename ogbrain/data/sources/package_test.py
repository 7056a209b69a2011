"""Tests of fetching: the cache, checksums, kills, and what is said when a registry cannot be reached."""

import concurrent.futures
import dataclasses
import os
import time
from pathlib import Path
from unittest import mock

from absl.testing import absltest

from ogbrain.data.sources import DebianPackage, NpmPackage, Package, PypiPackage
from ogbrain.data.sources.locations import data_root, packages_dir, prepared_dir
from ogbrain.data.sources.package import sha256_of
from ogbrain.errors import UserError

CONTENT = b"what the registry has"


@dataclasses.dataclass(frozen=True)
class _Registry(Package):
    """A registry that is a folder beside the cache, and that counts what it is asked for."""

    registry = "pretend"
    client = "pretend-client"

    def _fetch_into(self, folder):
        asked = folder.parent.parent.parent / "asked"
        with asked.open("a") as stream:
            stream.write("x")
        path = folder / f"{self.name}.tgz"
        path.write_bytes(CONTENT[:5])
        time.sleep(0.1)
        path.write_bytes(CONTENT)
        return path, "1.2"


class PackageTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.package = _Registry("name", alternative="other_data")
        self.enterContext(mock.patch.dict(os.environ, {"BUILD_WORKING_DIRECTORY": "/"}))

    def asked(self):
        path = self.folder / "asked"
        return len(path.read_text()) if path.exists() else 0

    def test_fetched_once_with_its_checksum_recorded(self):
        fetched = self.package.fetch(str(self.folder))
        self.assertEqual((fetched.path.read_bytes(), fetched.version), (CONTENT, "1.2"))
        self.assertEqual(fetched.sha256, sha256_of(fetched.path))
        self.assertEqual(self.package.fetch(str(self.folder)), fetched)
        self.assertEqual(self.asked(), 1)
        self.assertEmpty(list((self.folder / "packages" / "pretend").glob(".*.partial")))

    def test_changed_cache_is_fetched_again(self):
        path = self.package.fetch(str(self.folder)).path
        path.write_bytes(b"tampered with")
        self.assertEqual(self.package.fetch(str(self.folder)).path.read_bytes(), CONTENT)
        self.assertEqual(self.asked(), 2)

    def test_wrong_checksum_is_refused_and_not_kept(self):
        package = dataclasses.replace(self.package, sha256="0" * 64)
        for _ in range(2):
            with self.assertRaisesRegex(UserError, "pretend package name: sha256 is [0-9a-f]{64}, not 0{64}; tampered"):
                package.fetch(str(self.folder))
        self.assertEmpty(list((self.folder / "packages" / "pretend").glob("*.tgz")))

    def test_killed_fetch_is_never_taken_for_a_package(self):
        class Killed(BaseException):
            pass

        def killed(package, folder):
            (folder / "name.tgz").write_bytes(CONTENT[:5])
            raise Killed

        with mock.patch.object(_Registry, "_fetch_into", killed), self.assertRaises(Killed):
            self.package.fetch(str(self.folder))
        self.assertEqual(self.package.fetch(str(self.folder)).path.read_bytes(), CONTENT)

    def test_two_at_once_fetch_once(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: self.package.fetch(str(self.folder)), range(4)))
        self.assertLen(set(found), 1)
        self.assertEqual(self.asked(), 1)

    def test_folder_that_cannot_be_written_is_one_line(self):
        (self.folder / "packages").write_text("a file in the way")
        with self.assertRaisesRegex(UserError, "cannot write to .*packages/pretend"):
            self.package.fetch(str(self.folder))

    def test_missing_file_in_a_package_is_named(self):
        with (
            mock.patch.object(_Registry, "members", return_value=iter([("a", b"")])),
            self.assertRaisesRegex(UserError, "pretend package name: holds no 'b'"),
        ):
            self.package.read(["a", "b"])

    def test_locations(self):
        with mock.patch.dict(os.environ, {"OGBRAIN_DATA_DIR": "/data", "BUILD_WORKING_DIRECTORY": "/home/ada"}):
            self.assertEqual(data_root(), Path("/data"))
            self.assertEqual(packages_dir("here"), Path("/home/ada/here/packages"))
            self.assertEqual(prepared_dir("/there"), Path("/there/tfds"))
        with mock.patch.dict(os.environ, {"OGBRAIN_DATA_DIR": "", "HOME": "/home/ada"}):
            self.assertEqual(data_root(), Path("/home/ada/.cache/ogbrain"))


class ClientsTest(absltest.TestCase):
    """The registries' clients, replaced by small programs on the PATH."""

    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.programs = self.folder / "bin"
        self.programs.mkdir()
        self.enterContext(mock.patch.dict(os.environ, {"PATH": f"{self.programs}:/usr/bin:/bin"}))

    def program(self, name, script):
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def test_debian_updates_its_index_only_when_it_must(self):
        self.program(
            "apt-get",
            f'echo "$@" >> {self.folder}/calls\n'
            'case "$*" in\n'
            f"  *update) touch {self.folder}/index;;\n"
            f'  *) [ -e {self.folder}/index ] || {{ echo "E: Unable to locate package" >&2; exit 100; }}\n'
            "     echo deb > words_2%3a1.0-3_all.deb;;\n"
            "esac",
        )
        fetched = DebianPackage("words").fetch(str(self.folder))
        self.assertEqual((fetched.version, fetched.path.name), ("2:1.0-3", "words.deb"))
        calls = [line.split()[-2:] for line in (self.folder / "calls").read_text().splitlines()]
        self.assertEqual([call[-1] for call in calls], ["words", "update", "words"])
        for line in (self.folder / "calls").read_text().splitlines():
            self.assertIn(f"Dir::State={self.folder}/packages/debian/.apt/state", line)

    def test_npm_packs_the_exact_version_without_scripts(self):
        self.program("npm", f'echo "$@" > {self.folder}/calls\necho tgz > scope-words-1.0.tgz')
        self.assertEqual(NpmPackage("@scope/words", "1.0").fetch(str(self.folder)).path.name, "scope-words-1.0.tgz")
        self.assertRegex((self.folder / "calls").read_text(), "^pack @scope/words@1.0 --ignore-scripts ")

    def test_pip_downloads_with_the_checksum_and_installs_nothing(self):
        self.program(
            "python", f'echo "$@" > {self.folder}/calls\ncat wanted.txt >> {self.folder}/calls\necho z > w-1.tar.gz'
        )
        package = PypiPackage("w", "1", sdist=True)
        with mock.patch("sys.executable", str(self.programs / "python")):
            fetched = package.fetch(str(self.folder))
        calls = (self.folder / "calls").read_text()
        self.assertRegex(calls, "-m pip download --no-deps .*--no-binary :all:")
        pinned = dataclasses.replace(package, version="2", sha256=fetched.sha256)
        with mock.patch("sys.executable", str(self.programs / "python")):
            pinned.fetch(str(self.folder))
        self.assertIn(f"w==2 --hash=sha256:{fetched.sha256}", (self.folder / "calls").read_text())

    def test_client_that_fails_or_is_missing_is_one_line_that_names_what_serves_instead(self):
        self.program("npm", "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network reach' >&2; exit 1")
        package = NpmPackage("words", "1.0", alternative="web_words")
        with self.assertRaisesRegex(
            UserError, "npm could not fetch it, and no copy is cached: .*'web_words' serves"
        ) as at:
            package.fetch(str(self.folder))
        self.assertNotIn("\n", str(at.exception))
        with mock.patch.dict(os.environ, {"PATH": "/nonexistent"}):
            for missing in (package, DebianPackage("words", alternative="web_words")):
                with self.assertRaisesRegex(UserError, "is not installed; .* 'web_words' serves instead"):
                    missing.fetch(str(self.folder))


if __name__ == "__main__":
    absltest.main()
