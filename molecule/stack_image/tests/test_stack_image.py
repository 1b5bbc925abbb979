"""What role stack_image promises: a run image without compilers, and a build image with them, of one version."""

from __future__ import annotations

import json
from typing import Any

from testinfra.host import Host


def image(host: Host, alias: str) -> dict[str, Any]:
    found = json.loads(host.check_output("lxc image list --format=json"))
    return next(each for each in found if alias in [name["name"] for name in each["aliases"]])


def in_container(host: Host, alias: str, *words: str) -> tuple[int, str]:
    """Exit status and output of a command in a new container of the image."""
    host.check_output(
        f"lxc init {alias} molecule --no-profiles --storage=hokku --config=raw.lxc='lxc.init.cmd = /bin/sleep infinity'"
    )
    try:
        host.check_output("lxc start molecule")
        done = host.run("lxc exec molecule -- " + " ".join(words))
        return done.rc, done.stdout.strip()
    finally:
        host.run("lxc delete --force molecule")


def test_both_images_are_of_one_version(host: Host) -> None:
    run, build = image(host, "hokku/debian-13"), image(host, "hokku/debian-13-build")
    assert run["properties"]["hokku.version"] == build["properties"]["hokku.version"]
    assert run["fingerprint"] != build["fingerprint"]


def test_the_run_image_runs_what_was_asked_for_and_has_no_compiler(host: Host) -> None:
    assert in_container(host, "hokku/debian-13", "python3", "-c", "'print(6*7)'") == (0, "42")
    assert in_container(host, "hokku/debian-13", "which", "gcc")[0] != 0


def test_the_build_image_compiles(host: Host) -> None:
    assert in_container(host, "hokku/debian-13-build", "which", "gcc")[0] == 0


def test_dyno_init_is_in_both(host: Host) -> None:
    for alias in ("hokku/debian-13", "hokku/debian-13-build"):
        assert in_container(host, alias, "test", "-x", "/usr/lib/hokku/dyno-init")[0] == 0


def test_nothing_of_the_making_is_left(host: Host) -> None:
    assert host.run("ls -d /var/tmp/hokku-stack-*").stdout == ""
