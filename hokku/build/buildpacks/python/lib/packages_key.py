"""What an app's packages go by: `python3 -I packages_key.py MANAGER WORD…`, in the app's directory.

Prints a digest of the WORDs (versions), of the package managers' variables, and of every file that decides what
MANAGER (pip, pipenv, poetry or uv) installs. Ends with 3 where files cannot tell: packages that lie in the app's own
tree, a branch, a URL without a hash.
"""

import hashlib
import json
import os
import re
import shlex
import sys
import tomllib
from pathlib import Path

STEERING = ("PIP_", "UV_", "POETRY_", "PIPENV_")
ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
FILES = {
    "pip": [],  # its requirements are read below, with those that they name
    "pipenv": ["Pipfile", "Pipfile.lock"],
    "poetry": ["pyproject.toml", "poetry.lock", "poetry.toml"],
    "uv": ["pyproject.toml", "uv.lock", "uv.toml"],
}

LONG = {"--requirement": "-r", "--constraint": "-c", "--editable": "-e", "--find-links": "-f"}


class Unknowable(Exception):
    """Something is installed that may change while all files stay the same."""


class Key:
    def __init__(self):
        self.digest, self.seen = hashlib.sha256(), set()

    def add(self, *words):
        for word in words:
            content = word if isinstance(word, bytes) else word.encode(errors="surrogateescape")
            self.digest.update(b"%d:%s" % (len(content), content))

    def file(self, path):
        self.add(str(path), path.read_bytes() if path.is_file() else "none")

    def directory(self, path):
        for file in sorted(path.rglob("*")):
            self.file(file)

    def variables(self):
        """The package managers' variables, and the files that they name."""
        for name, value in sorted(os.environ.items()):
            if name.startswith(STEERING):
                self.add(name, value)
                for word in value.split():
                    if Path(word).is_file():
                        self.file(Path(word))
                    elif name.endswith("_FIND_LINKS") and Path(word).is_dir():
                        self.directory(Path(word))

    def requirements(self, path):
        """A requirements file as pip reads it, and all that it names.

        https://pip.pypa.io/en/stable/reference/requirements-file-format/
        """
        path = Path(os.path.normpath(path))
        if path in self.seen:
            return
        self.seen.add(path)
        if not path.is_file():
            raise Unknowable
        text = re.sub(r"\\\r?\n", "", path.read_text(encoding="utf-8-sig", errors="surrogateescape"))
        for line in text.splitlines():
            line = re.sub(r"(^|\s+)#.*$", "", line)
            line = re.sub(r"\$\{([A-Z0-9_]+)\}", lambda found: os.environ.get(found[1]) or found[0], line).strip()
            if line:
                self.add(line)
                self.requirement(line, path.parent)

    def requirement(self, line, folder):
        words = shlex.split(line)
        at = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
        packages, options = " ".join(words[:at]), words[at:]
        if packages:
            not_here(packages.split(";")[0].strip(), any(word.startswith("--hash") for word in options))
        while options:
            word = options.pop(0)
            name, separator, value = word.partition("=")
            if not name.startswith("--"):
                name, separator, value = word[:2], word[2:], word[2:]
            kind = next((full for full in LONG if name in (LONG[full], full) or is_short_for(name, full)), None)
            if kind is None:
                continue
            if not separator:
                value = options.pop(0) if options else ""
            if kind == "--editable" or (kind != "--find-links" and "://" in value):
                raise Unknowable
            if kind == "--find-links":
                beside = folder / value
                self.directory(beside if beside.is_dir() else Path(value))
            else:
                self.requirements(folder / value)


def is_short_for(name, full):
    """Options may be shortened; what is too short for pip counts, too, which does no harm."""
    return len(name) > 3 and name.startswith("--") and full.startswith(name)


def not_here(package, hashed):
    """Raise Unknowable for a path, a branch, or a URL without a hash."""
    if re.search(r"(^|[\s@])(git|hg|svn|bzr)\+|(^|[\s@])file:", package):
        raise Unknowable
    if "://" in package:
        if not hashed and not re.search(r"[#&]sha(256|384|512)=", package):
            raise Unknowable
    elif "/" in package or package.startswith(".") or package.split("[")[0].lower().endswith(ARCHIVES):
        raise Unknowable


def locked(key, manager):
    """What the lockfile says beside its own content. Raises Unknowable."""
    if manager == "pipenv":
        lock = json.loads(Path("Pipfile.lock").read_text())
        packages = [package for name, group in lock.items() if name != "_meta" for package in group.values()]
        if any({"path", "editable", "file"} & set(package) for package in packages):
            raise Unknowable
        return
    packages = tomllib.loads(Path(f"{manager}.lock").read_text()).get("package", [])
    sources = [package.get("source", {}) for package in packages]
    if manager == "poetry":
        project = tomllib.loads(Path("pyproject.toml").read_text())
        if any(source.get("type") in ("directory", "file") for source in sources):
            raise Unknowable
        if "build" in project.get("tool", {}).get("poetry", {}):
            raise Unknowable
        # The app itself is installed by where its modules lie.
        for folder in (Path(), Path("src")):
            found = folder.iterdir() if folder.is_dir() else ()
            key.add(*sorted(path.name for path in found if path.is_dir() or path.suffix == ".py"))
        return
    for source in sources:
        if {"directory", "editable", "path"} & set(source) or "://" not in source.get("registry", "://"):
            raise Unknowable
        if "virtual" in source:
            key.file(Path(source["virtual"]) / "pyproject.toml")


def main(manager, *words):
    key = Key()
    try:
        key.add(manager, *words)
        key.variables()
        for name in FILES[manager]:
            key.file(Path(name))
        if manager == "pip":
            key.requirements(Path("requirements.txt"))
            for name in ("PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"):
                for word in os.environ.get(name, "").split():
                    key.requirements(Path(word))
        else:
            locked(key, manager)
    except Exception:  # a file that is not understood here is for the package manager to complain about
        sys.exit(3)
    print(key.digest.hexdigest())


main(*sys.argv[1:])
