"""What goes into a build container, what comes out as declared, and which buildpacks there are."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from hokku.build import buildpacks, bundle, declared
from hokku.build.container import committed
from hokku.manifold.lxd import Instance


def test_the_bundle_has_programs_that_run_and_config_vars_nobody_else_reads(tmp_path: Path):
    source = tmp_path / "source"
    source.write_bytes(b"the source")
    into = io.BytesIO()
    odd = {
        "PLAIN": "a",
        "MULTI": "a\nb é",
        "../../etc/passwd": "x",
        "a b": "x",
        "": "x",
        "L" * 255: "long",
        "L" * 256: "x",
    }
    packs = buildpacks.chosen(["heroku/python", "https://me:secret@example.com/pack.git#v1"])
    bundle.write(into, source=source, cache=None, config_vars=odd, buildpacks=packs)
    into.seek(0)
    with tarfile.open(fileobj=into) as tar:
        modes = {member.name: member.mode for member in tar}
        assert tar.extractfile("source.tar.gz").read() == b"the source"
        assert tar.extractfile("env/MULTI").read().decode() == "a\nb é"
        url = tar.extractfile("urls/1").read().decode().splitlines()
    assert url == ["https://me:secret@example.com/pack.git", "v1", "https://example.com/pack.git#v1"]
    assert modes["urls/1"] == 0o600
    assert {name for name in modes if name.startswith("env/")} == {"env/PLAIN", "env/MULTI", f"env/{'L' * 255}"}
    assert modes["env/PLAIN"] == 0o600
    assert modes["build"] == modes["buildpacks/python/bin/compile"] == 0o755
    assert "cache.tar.zst" not in modes


def test_what_bin_release_declares_is_read():
    text = """---
addons:
  - postgresql
config_vars:
  RAILS_ENV: "production"
default_process_types:
  web: bin/rails server -p $PORT
  'console': bin/rails console
"""
    found = declared.parse(text)
    assert found.default_process_types == {"web": "bin/rails server -p $PORT", "console": "bin/rails console"}
    assert found.config_vars == {"RAILS_ENV": "production"}
    assert declared.parse("---\ndefault_process_types: {}\n") == declared.Declared()
    assert declared.parse("") == declared.Declared()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("default_process_types:\n  web server: x\n", "the type 'web server' is not 1 to 63 letters"),
        ("default_process_types:\n  $(id): x\n", "the type '$(id)' is not"),
        (f"default_process_types:\n  {'w' * 64}: x\n", "is not 1 to 63 letters"),
        ("default_process_types:\n  web: a\0b\n", "the type web has no command"),
        ("default_process_types:\n" + "".join(f"  w{n}: x\n" for n in range(201)), "there are 201 process types"),
        ("config_vars:\n  A-B: x\n", "name 'A-B' is not valid"),
        (f"config_vars:\n  {'A' * 257}: x\n", "is not valid"),
        ("config_vars:\n  A: x\0y\n", "value of config var A holds a NUL"),
        (f"config_vars:\n  A: {'x' * 65536}\n", "prints more than 64 KiB"),
        (f"config_vars:\n  A: {'é' * 32768}", "larger than 64 KB together"),
    ],
)
def test_what_bin_release_declares_is_held_to_what_a_procfile_and_config_vars_may_be(text: str, words: str):
    size = len(text.encode()) if "é" not in text else len(text)
    with pytest.raises(declared.BadDeclaration) as refused:
        declared.checked(declared.parse(text), "https://example.com/pack.git", size)
    assert words in str(refused.value)
    assert "The buildpack https://example.com/pack.git declares" in str(refused.value)
    assert "Correct it there" in str(refused.value)
    assert "\0" not in str(refused.value)


def test_what_may_be_declared_is_given_back():
    found = declared.parse("config_vars:\n  A_1: x\ndefault_process_types:\n  web-1: run $PORT\n")
    assert declared.checked(found, "heroku/ruby", 60) == found


def test_buildpacks_are_chosen_by_their_names():
    registry = "https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/python.tgz"
    github = "https://github.com/heroku/heroku-buildpack-python"
    names = ["heroku/python", "urn:buildpack:heroku/python", registry, "python", github, f"{github}.git"]
    assert [(pack.name, pack.short) for pack in buildpacks.chosen(names)] == [("heroku/python", "python")] * 6
    for other in (f"{github}.git#v250", github.replace("python", "cobol"), github.replace("heroku/", "someone/")):
        assert buildpacks.parse(other).url, "it is fetched as it is"
    there = ", ".join(f"heroku/{name}" for name in buildpacks.known())
    for unknown in ("heroku/cobol", "../python", "git@github.com:a/b.git", "", registry.replace("python", "cobol")):
        with pytest.raises(buildpacks.BadBuildpack, match=rf"is not there\. This platform has: {there}\."):
            buildpacks.parse(unknown)


@pytest.mark.parametrize(
    ("text", "url", "ref", "tarball", "shown"),
    [
        ("https://example.com/a/b", "https://example.com/a/b", "", False, "https://example.com/a/b"),
        ("git://example.com/b.git#v1.2", "git://example.com/b.git", "v1.2", False, "git://example.com/b.git#v1.2"),
        ("http://10.0.0.1:8080/b.tgz", "http://10.0.0.1:8080/b.tgz", "", True, "http://10.0.0.1:8080/b.tgz"),
        ("https://x.org/b.tar.gz?t=1", "https://x.org/b.tar.gz?t=1", "", True, "https://x.org/b.tar.gz?t=1"),
        ("https://me:pa@x.org/b.git#main", "https://me:pa@x.org/b.git", "main", False, "https://x.org/b.git#main"),
        ("https://t0ken@x.org/b.git", "https://t0ken@x.org/b.git", "", False, "https://x.org/b.git"),
        ("https://me:p@ss@x.org/b@c.git", "https://me:p@ss@x.org/b@c.git", "", False, "https://x.org/b@c.git"),
    ],
)
def test_buildpacks_are_named_by_url(text: str, url: str, ref: str, tarball: bool, shown: str):
    found = buildpacks.parse(text)
    assert (found.name, found.url, found.ref, found.tarball, found.shown) == (text, url, ref, tarball, shown)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file:///etc/passwd", "is not fetched over file: use https, http or git"),
        ("ssh://git@example.com/a.git", "not fetched over ssh"),
        ("ext::sh -c id", "is not there"),
        ("https://example.com/a b.git", "a character that a URL cannot have"),
        ("https://example.com/a.git\n-x", "a character that a URL cannot have"),
        ("https:///a.git", "has no host"),
        ("https://example.com:x/a.git", "is not a URL"),
        ("https://example.com/a.git#--upload-pack=x", "no branch, tag or commit"),
        ("https://example.com/a.tgz#v1", "is a tarball"),
        ("git://example.com/a.tgz", "is a tarball"),
        ("https://example.com/" + "a" * 1000, "more than 1000 characters"),
    ],
)
def test_a_url_that_cannot_be_fetched_is_refused_with_the_reason(text: str, words: str):
    with pytest.raises(buildpacks.BadBuildpack, match=words):
        buildpacks.parse(text)


def test_a_refusal_does_not_tell_the_password():
    with pytest.raises(buildpacks.BadBuildpack) as refused:
        buildpacks.parse("ftp://me:hunter2@example.com/a.git")
    assert "hunter2" not in str(refused.value)
    assert "example.com" in str(refused.value)


def test_the_buildpacks_detect_in_herokus_order():
    order = ["ruby", "nodejs", "python", "java", "php", "go", "static"]
    assert list(buildpacks.known()) == [name for name in order if name in buildpacks.known()]
    assert {"nodejs", "python", "static"} <= set(buildpacks.known())
    assert {path.name for path in buildpacks.DIRECTORY.iterdir() if path.is_dir()} == set(buildpacks.known())
    assert set(buildpacks.known()) <= set(buildpacks.FOUND_BY)


@pytest.mark.skipif("java" not in buildpacks.known(), reason="there is no heroku/java to stand for it")
@pytest.mark.parametrize("name", ["gradle", "heroku/gradle", "urn:buildpack:heroku/gradle"])
def test_gradle_is_another_name_of_java(name: str):
    assert buildpacks.parse(name) == buildpacks.parse("heroku/java")


@pytest.mark.parametrize("pack", buildpacks.known())
def test_a_buildpack_has_its_programs(pack: str):
    for program in ("detect", "compile", "release"):
        path = buildpacks.DIRECTORY / pack / "bin" / program
        assert path.stat().st_mode & 0o111, path
        subprocess.run(["bash", "-n", str(path)], check=True)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["requirements.txt"], True),
        (["pyproject.toml"], True),
        (["setup.py"], True),
        (["Procfile", "server.py"], True),
        (["server.py"], True),
        (["manage.py"], True),
        ([".python-version"], True),
        (["Pipfile.lock"], True),
        (["other.py"], False),
        (["README"], False),
        (["Procfile"], False),
    ],
)
def test_python_is_detected_by_its_files(tmp_path: Path, files: list[str], found: bool):
    for name in files:
        (tmp_path / name).write_text("")
    program = buildpacks.DIRECTORY / "python" / "bin" / "detect"
    done = subprocess.run([program, tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is found
    assert done.stdout == ("Python\n" if found else "")


def test_a_host_is_as_busy_as_the_memory_its_running_instances_may_take():
    def instance(status: str, memory: str, host: str = "dyno1") -> Instance:
        return Instance("x", status, host, {"limits.memory": memory} if memory else {})

    running = [instance("Running", "512MiB"), instance("Running", "1024MiB", "dyno2"), instance("Running", "")]
    assert committed([*running, instance("Stopped", "512MiB")]) == {"dyno1": 512, "dyno2": 1024}
