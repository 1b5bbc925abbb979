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
    odd = {"PLAIN": "a", "MULTI": "a\nb é", "../../etc/passwd": "x", "a b": "x", "": "x"}
    bundle.write(into, source=source, cache=None, config_vars=odd, buildpacks=["python"])
    into.seek(0)
    with tarfile.open(fileobj=into) as tar:
        modes = {member.name: member.mode for member in tar}
        assert tar.extractfile("source.tar.gz").read() == b"the source"
        assert tar.extractfile("env/MULTI").read().decode() == "a\nb é"
    assert {name for name in modes if name.startswith("env/")} == {"env/PLAIN", "env/MULTI"}
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


def test_buildpacks_are_chosen_by_their_names():
    assert buildpacks.chosen(["heroku/python", {"url": "urn:buildpack:heroku/python"}]) == ["python", "python"]
    with pytest.raises(buildpacks.UnknownBuildpack, match=r"heroku/cobol is not there\. .*: heroku/python\."):
        buildpacks.chosen(["heroku/cobol"])


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
        (["server.py"], False),
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
