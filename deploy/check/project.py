"""What the rest of the project says, read from where it stands: routes, limits, metrics, fields of the log."""

import functools
import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def text(path):
    return (ROOT / path).read_text()


@functools.cache
def spin():
    return tomllib.loads(text("spin.toml"))


def component_of(path):
    """The component that spin.toml gives a path to: the longest route wins."""
    found = ("", None)
    for trigger in spin()["trigger"]["http"]:
        route = trigger["route"].removesuffix("/...")
        matches = path == route or (trigger["route"].endswith("/...") and (path + "/").startswith(route + "/"))
        if matches and len(route) >= len(found[0]):
            found = (route, trigger["component"])
    return found[1]


@functools.cache
def internal_routes():
    """The routes below /internal that code answers, with their component and method."""
    found = {}
    for file in ROOT.glob("components/*/src/**/*.rs"):
        for path, method in re.findall(r'\.route\(\s*"(/internal/[^"]+)",\s*(\w+)\(', file.read_text()):
            found[path] = (file.relative_to(ROOT).parts[1], method.upper())
    return found


def timed_routes():
    """Those that a clock must ask for. Rotating keys is done by hand, and so is replaying an event."""
    return {path for path, (_, method) in internal_routes().items() if method == "POST" and not path.endswith(("/reseal", "/replay"))}


@functools.cache
def web_paths():
    """What the web component serves by name, without parameters."""
    found = set()
    for file in ROOT.glob("components/web/src/*.rs"):
        for path in re.findall(r'\.route\(\s*"(/[^"]*)"', file.read_text()):
            found.add(path.partition("/{")[0] or "/")
    return found


def body_bytes_max():
    return 1 << int(re.search(r"pub const BODY_BYTES_MAX: usize = 1 << (\d+);", text("crates/api/src/body.rs"))[1])


def request_seconds_max():
    return int(re.search(r"const REQUEST_LIMIT: Duration = Duration::from_secs\((\d+)\);", text("crates/api/src/serve.rs"))[1])


@functools.cache
def metrics():
    """The metrics that components export, and by which."""
    found = {}
    for file in ROOT.glob("components/*/src/**/*.rs"):
        code = file.read_text()
        names = re.findall(r'Measure::new\(\s*"(\w+)"', code)
        if len(names) != code.count("Measure::new("):
            raise ValueError(f"{file.relative_to(ROOT)}: a metric whose name is no literal cannot be read here")
        for name in names:
            found[f"bizo_{name}"] = file.relative_to(ROOT).parts[1]
    return found


def log_fields():
    return set(re.findall(r"^\| `(\w+)` \|", text("docs/logging.md"), re.MULTILINE))
