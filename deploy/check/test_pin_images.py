"""Digests get into every manifest, or into none."""

import contextlib
import io
import pathlib
import shutil
import tempfile
import unittest

import manifests
import pin_images
import validate

REAL = "@sha256:" + "a1" * 32


class Pinning(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp()) / "deploy"
        self.addCleanup(shutil.rmtree, self.folder.parent)
        shutil.copytree(pin_images.DEPLOY, self.folder)
        # As before the first release, whatever has been pinned meanwhile.
        for file in pin_images.files(self.folder):
            file.write_text(pin_images.IMAGE.sub(lambda found: found[1] + found[2] + pin_images.PLACEHOLDER, file.read_text()))
        self.app = pin_images.name_of(self.folder, "app")

    def pin(self, wanted):
        with contextlib.redirect_stdout(io.StringIO()) as told:
            pin_images.pin(self.folder, wanted)
        return told.getvalue().split()

    def test_a_release_is_one_when_every_placeholder_is_replaced(self):
        before = pin_images.placeholders(self.folder)
        self.assertIn(self.app, before)
        touched = self.pin({name: f"ghcr.io/you/{number}:1.0{REAL}" for number, name in enumerate(before)})
        self.assertIn("single-node/app.yaml", touched)
        self.assertEqual(pin_images.placeholders(self.folder), [])
        # What --release refuses is what was replaced, and nothing else.
        stands = [what for rule, _, what in self.findings() if rule == "images"]
        self.assertEqual(stands, [])

    def findings(self):
        return [found for way in manifests.SETS for found in validate.findings(manifests.read_set(way, self.folder), release=True)]

    def test_a_digest_is_replaced_by_the_next_ones(self):
        self.pin({self.app: f"ghcr.io/you/app:1.0{REAL}"})
        self.pin({"ghcr.io/you/app:1.0": f"ghcr.io/you/app:1.1{REAL}"})
        self.assertIn(f"ghcr.io/you/app:1.1{REAL}", (self.folder / "single-node/app.yaml").read_text())

    def test_a_second_release_finds_the_images_of_the_first(self):
        for first, second in [("ghcr.io/you/app", "ghcr.io/you/app"), ("ghcr.io/you/app:1.0", "registry.test:5443/app:1.1")]:
            self.pin({pin_images.name_of(self.folder, "app"): f"{first}{REAL}"})
            self.assertEqual(pin_images.name_of(self.folder, "app"), first)
            self.pin({first: f"{second}{REAL}"})
            self.assertEqual(pin_images.name_of(self.folder, "app"), second)
        for none_or_several in ["nothing", "pp", "a.p", "library/postgre"]:
            with self.subTest(none_or_several), self.assertRaises(SystemExit):
                pin_images.name_of(self.folder, none_or_several)
        app = self.folder / "plain/app.yaml"
        app.write_text(app.read_text().replace("registry.test:5443/app:1.1", "ghcr.io/other/app"))
        with self.assertRaises(SystemExit):
            pin_images.name_of(self.folder, "app")

    def test_nothing_is_written_where_an_argument_does_not_fit(self):
        app = self.app
        for wrong in [
            {app: "ghcr.io/you/app:latest"},
            {app: f"ghcr.io/you/app{pin_images.PLACEHOLDER}"},
            {app: f"ghcr.io/you/app{REAL}", "ghcr.io/other": f"ghcr.io/other{REAL}"},
        ]:
            with self.subTest(wrong), self.assertRaises(SystemExit):
                self.pin(wrong)
            self.assertIn(app, pin_images.placeholders(self.folder))


if __name__ == "__main__":
    unittest.main()
