"""Puts images named by digest in the place of those in the manifests.

`pin_images.py registry.example.com/bizosaas/app=ghcr.io/you/app@sha256:… …`: what stands left of `=` is the image as the manifests
have it, without its digest; what stands right takes its place in every file. `pin_images.py --list` names what is still a
placeholder, `pin_images.py --name app` the image whose name ends with `/app`, whosever registry it is in by now. Nothing is written
unless every argument fits.
"""

import pathlib
import re
import sys

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
DIGEST = r"@sha256:[0-9a-f]{64}"
PLACEHOLDER = "@sha256:" + "0" * 64
# An anchor may stand before the image: the other SpinApps of split name it.
IMAGE = re.compile(rf"(\bimage: *(?:&\w+ +)?)([\w./:-]+?)({DIGEST})")


def files(folder):
    return sorted(path for path in folder.rglob("*.yaml") if "check" not in path.relative_to(folder).parts)


def images(folder):
    """The names of all images, each with its digest."""
    return {(name, digest) for file in files(folder) for _, name, digest in IMAGE.findall(file.read_text())}


def placeholders(folder):
    """The images that have no digest of their own yet."""
    return sorted(name for name, digest in images(folder) if digest == PLACEHOLDER)


def name_of(folder, last):
    """The one image whose name ends so, under the name that the manifests have it by now."""
    names = {name for name, _ in images(folder)}
    found = sorted(name for name in names if re.search(rf"/{re.escape(last)}(:[\w.-]+)?$", name))
    if len(found) != 1:
        sys.exit(f"pin_images: one image must end with /{last}, and there are {len(found)} among {', '.join(sorted(names))}")
    return found[0]


def pin(folder, wanted):
    """Replaces images; stops before anything is written at an image that no manifest has or that has no digest."""
    known = {name for name, _ in images(folder)}
    for name, image in wanted.items():
        if name not in known:
            sys.exit(f"pin_images: no manifest has the image {name}; these are there: {', '.join(sorted(known))}")
        if not re.fullmatch(rf"[\w./:-]+{DIGEST}", image) or image.endswith(PLACEHOLDER):
            sys.exit(f"pin_images: {image} is not named by its digest")
    for file in files(folder):
        text = file.read_text()
        pinned = IMAGE.sub(lambda found: found[1] + wanted.get(found[2], found[2] + found[3]), text)
        if pinned != text:
            file.write_text(pinned)
            print(file.relative_to(folder))


def main(arguments):
    if arguments == ["--list"]:
        print("\n".join(placeholders(DEPLOY)))
        return
    if len(arguments) == 2 and arguments[0] == "--name":
        print(name_of(DEPLOY, arguments[1]))
        return
    if not arguments or not all("=" in argument for argument in arguments):
        sys.exit(__doc__.strip())
    pin(DEPLOY, dict(argument.split("=", 1) for argument in arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
