"""The action `packages`: dpkg is asked what is missing, and apt installs that and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.hokku.platform.plugins.action import packages


class Host(packages.ActionModule):
    """The action, on a host whose dpkg prints `told` and whose apt takes note of what it is given."""

    def __init__(self, told: str, check: bool = False, **arguments: Any) -> None:
        task = SimpleNamespace(args=arguments, check_mode=check, async_val=0, action="packages", diff=False)
        using = DataLoader()
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/never/used"))
        super().__init__(task, connection, SimpleNamespace(), using, Templar(using), None)
        self._dpkg, self.commands, self.installed = told, [], []

    def _low_level_execute_command(self, cmd: str, *_: Any, **__: Any) -> dict[str, Any]:
        self.commands.append(cmd)
        return {"rc": 1, "stdout": self._dpkg, "stderr": "dpkg-query: no packages found matching …"}

    def _execute_module(self, module_name: str, module_args: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.installed.append((module_name, module_args))
        return {"changed": True}


def test_apt_is_not_asked_where_nothing_is_missing() -> None:
    host = Host("ii git\nhi zstd\n", names=["git", "zstd"])
    assert host.run() == {"changed": False, "missing": []}
    assert host.installed == []


@pytest.mark.parametrize("check", [False, True], ids=["run", "check"])
def test_apt_installs_what_is_missing_alone_and_fetches_lists_that_are_old(check: bool) -> None:
    host = Host("ii git\nrc zstd\niU curl\niiRless\n", names=["git", "zstd", "curl", "less", "rsync"], check=check)
    found = host.run()
    assert (found["changed"], found["missing"]) == (True, ["zstd", "curl", "less", "rsync"])
    [(module, given)] = host.installed
    assert module == "ansible.builtin.apt"
    assert given["name"] == ["zstd", "curl", "less", "rsync"]
    assert (given["update_cache"], given["cache_valid_time"]) == (True, 86400)
    assert given["install_recommends"] is False


def test_a_package_with_a_version_is_always_a_question_for_apt() -> None:
    host = Host("ii git\n", names=["git=1:2.39.5-0+deb12u2"])
    assert host.run()["missing"] == ["git=1:2.39.5-0+deb12u2"]


def test_names_are_words_of_one_command() -> None:
    host = Host("", names=["git; reboot"])
    host.run()
    assert host.commands == ["dpkg-query --show '--showformat=${db:Status-Abbrev}${Package}\\n' -- 'git; reboot'"]
