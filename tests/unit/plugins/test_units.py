"""The module `units`: what runs with older files than are there is restarted, once, whatever became of earlier runs."""

from __future__ import annotations

import datetime
import fnmatch
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hokku.platform.plugins.modules import units

ASKED = ("--timestamp=us+utc", "--property", units.PROPERTIES, "--")


def stamp(at: float | None) -> str:
    """A time as systemd prints it."""
    if at is None:
        return ""
    return f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%a %Y-%m-%d %H:%M:%S.%f} UTC"


class FakeSystemd:
    """A systemd that runs what is in `started`, since then; anything else that is asked of it fails the test."""

    def __init__(self, **started: float | None) -> None:
        self.units = {f"{name}.service": self.unit(at) for name, at in started.items()}
        self.did: list[str] = []
        self.accepts = True  # what the command says that validates
        self.reloads = True  # whether a reload succeeds

    @staticmethod
    def unit(at: float | None) -> dict[str, str]:
        return {
            "LoadState": "loaded",
            "ActiveState": "inactive" if at is None else "active",
            "UnitFileState": "enabled",
            "NeedDaemonReload": "no",
            "DropInPaths": "",
            "InactiveExitTimestamp": stamp(at),
            "StateChangeTimestamp": stamp(at),
            "ReloadResult": "success",
        }

    def run_command(self, argv: list[str], **_: Any) -> tuple[int, str, str]:
        if argv[0] == "check-it":
            self.did.append("check-it")
            return (0, "", "fine") if self.accepts else (1, "", "line 1 is\nwrong")
        assert argv[0] == "systemctl"
        if argv[1] == "show":
            assert tuple(argv[2:6]) == ASKED
            return 0, "\n\n".join(self.shown(argv[6:])), ""
        self.did.append(" ".join(word for word in argv[1:] if not word.startswith("-")))
        if argv[1] == "daemon-reload":
            for unit in self.units.values():
                unit["NeedDaemonReload"] = "no"
            return 0, "", ""
        return getattr(self, argv[1].replace("-", "_"))(argv[argv.index("--") + 1 :])

    def shown(self, names: list[str]) -> list[str]:
        found = [name for each in names for name in (fnmatch.filter(self.units, each) if "*" in each else [each])]
        absent = self.unit(None) | {"LoadState": "not-found", "UnitFileState": ""}
        return [
            "\n".join(f"{key}={value}" for key, value in {"Id": name, **self.units.get(name, absent)}.items())
            for name in found
        ]

    def start(self, names: list[str]) -> tuple[int, str, str]:
        for name in names:
            self.units[name] |= self.unit(time.time())
        return 0, "", ""

    restart = start

    def enable(self, names: list[str]) -> tuple[int, str, str]:
        for name in names:
            self.units[name]["UnitFileState"] = "enabled"
        return 0, "", ""

    def reload_or_restart(self, names: list[str]) -> tuple[int, str, str]:
        for name in names:
            self.units[name] |= {
                "StateChangeTimestamp": stamp(time.time()),
                "ReloadResult": "success" if self.reloads else "exit-code",
            }
        return (0, "", "") if self.reloads else (1, "", "Job failed.")


Run = Callable[..., Any]
NOW = time.time()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run_here: Run) -> Run:
    """`run(systemd, names=["a.service"])`: the module on a host with that systemd."""
    monkeypatch.setattr(units, "OWN_FILES", str(tmp_path / "units"))

    def on(systemd: FakeSystemd, /, **params: Any) -> Any:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(AnsibleModule, "run_command", lambda _self, argv, **more: systemd.run_command(argv, **more))
            named = {} if "sets" in params else {"names": ["a.service"]}
            return run_here("units", **named | params)

    return on


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A file that was written a minute ago."""
    return written(tmp_path / "a.conf", NOW - 60)


def written(path: Path, at: float) -> Path:
    path.write_text("x")
    os.utime(path, (at, at))
    return path


def test_a_unit_that_is_older_than_its_file_is_restarted_once_and_says_why(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600)
    first = run(systemd, reads=[str(conf)])
    assert (first["changed"], first["actions"]) == (True, [f"a.service: restarted, {conf} is newer"])
    assert systemd.did == ["daemon-reload", "restart a.service"]
    second = run(systemd, reads=[str(conf)])
    assert (second["changed"], second["actions"]) == (False, [])
    assert systemd.did == ["daemon-reload", "restart a.service"]


def test_of_several_sets_only_those_with_newer_files_of_their_own_are_restarted(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600, b=NOW - 3600)
    sets = [{"names": ["a.service"]}, {"names": ["b.service"], "reads": [str(conf)]}]
    assert run(systemd, sets=sets)["actions"] == [f"b.service: restarted, {conf} is newer"]
    assert systemd.did == ["daemon-reload", "restart b.service"]
    assert run(systemd, sets=sets)["changed"] is False
    assert "mutually exclusive" in run(systemd, sets=sets, reads=[str(conf)])["msg"]


def test_a_unit_that_was_started_after_its_file_was_written_goes_on(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 30)
    assert run(systemd, reads=[str(conf)])["changed"] is False
    assert systemd.did == []


def test_the_part_of_a_second_counts(run: Run, conf: Path) -> None:
    second = float(int(NOW) - 60)
    written(conf, second + 0.4)
    assert run(FakeSystemd(a=second + 0.5), reads=[str(conf)])["changed"] is False
    assert run(FakeSystemd(a=second + 0.3), reads=[str(conf)])["changed"] is True


def test_only_the_units_that_are_older_are_restarted(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600, b=NOW - 30)
    run(systemd, names=["a.service", "b.service"], reads=[str(conf)])
    assert systemd.did == ["daemon-reload", "restart a.service"]


def test_a_unit_that_does_not_run_is_started_and_not_restarted(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=None)
    assert run(systemd, reads=[str(conf)])["actions"] == ["a.service: started"]
    assert run(systemd, reads=[str(conf)])["changed"] is False
    assert systemd.did == ["start a.service"]


def test_a_unit_that_has_long_been_coming_up_is_restarted(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600)
    systemd.units["a.service"]["ActiveState"] = "activating"
    assert run(systemd, reads=[str(conf)])["actions"] == [f"a.service: restarted, {conf} is newer"]


def test_a_unit_of_which_systemd_knows_no_start_is_left_alone(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600)
    systemd.units["a.service"] |= {"InactiveExitTimestamp": "", "StateChangeTimestamp": "n/a"}
    assert run(systemd, reads=[str(conf)])["changed"] is False


def test_a_reload_counts_as_a_start_where_one_is_asked_for(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600)
    asked = {"reads": [str(conf)], "newer": "reloaded"}
    assert run(systemd, **asked)["actions"] == [f"a.service: reloaded, {conf} is newer"]
    assert run(systemd, **asked)["changed"] is False
    assert systemd.did == ["daemon-reload", "reload-or-restart a.service"]
    assert run(systemd, reads=[str(conf)])["changed"] is True, "a restart was asked for, and there was none"


def test_a_reload_that_failed_is_tried_again(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600)
    systemd.reloads = False
    asked = {"reads": [str(conf)], "newer": "reloaded"}
    assert run(systemd, **asked)["failed"]
    systemd.reloads = True
    assert run(systemd, **asked)["changed"] is True
    assert run(systemd, **asked)["changed"] is False


def test_a_pattern_stands_for_the_files_that_are_there(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    written(folder / "10-old.conf", NOW - 7200)
    written(folder / "20-new.conf", NOW - 60)
    written(folder / "notes.txt", NOW)
    written(folder / ".30-half-written.conf", NOW)
    (folder / "folder.conf").mkdir()
    systemd = FakeSystemd(a=NOW - 3600)
    told = run(systemd, reads=[str(folder / "*.conf")])["actions"]
    assert told == [f"a.service: restarted, {folder}/20-new.conf is newer"]


def test_a_file_that_is_not_there_does_not_count(run: Run, tmp_path: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600)
    assert run(systemd, reads=[str(tmp_path / "gone.conf"), str(tmp_path / "gone.d" / "*")])["changed"] is False


def test_a_file_from_the_future_restarts_once(run: Run, conf: Path) -> None:
    written(conf, NOW + 86400)
    systemd = FakeSystemd(a=NOW - 3600)
    assert run(systemd, reads=[str(conf)], check=True)["changed"] is True
    assert conf.stat().st_mtime == pytest.approx(NOW + 86400)
    assert run(systemd, reads=[str(conf)])["actions"] == [f"a.service: restarted, {conf} is newer"]
    assert conf.stat().st_mtime <= time.time()
    assert run(systemd, reads=[str(conf)])["changed"] is False


def test_a_unit_that_was_started_by_a_file_from_the_future_is_not_restarted_later(run: Run, conf: Path) -> None:
    written(conf, NOW + 86400)
    systemd = FakeSystemd(a=None)
    assert run(systemd, reads=[str(conf)])["actions"] == ["a.service: started"]
    assert run(systemd, reads=[str(conf)])["changed"] is False


def test_a_unit_from_the_future_is_restarted_once(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW + 86400)
    assert run(systemd)["changed"] is False, "without files there is nothing that it could lack"
    assert run(systemd, reads=[str(conf)])["changed"] is True
    assert run(systemd, reads=[str(conf)])["changed"] is False


def test_check_mode_tells_and_does_nothing(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600)
    told = run(systemd, reads=[str(conf)], check=True)
    assert (told["changed"], told["actions"]) == (True, [f"a.service: restarted, {conf} is newer"])
    assert systemd.did == []


def test_check_mode_knows_what_would_have_been_written(run: Run, tmp_path: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600)
    asked = {"reads": ["/etc/a/*.conf", "/etc/b"], "check": True}
    assert run(systemd, written=["/etc/a/1.conf"], **asked)["actions"] == [
        "a.service: restarted, /etc/a/1.conf is newer"
    ]
    assert run(systemd, written=["/etc/c"], **asked)["changed"] is False
    assert run(systemd, written=["/etc/b"], reads=["/etc/b"])["changed"] is False, "times tell it in a run"


def test_in_check_mode_a_unit_that_is_not_there_yet_would_be_started(run: Run) -> None:
    told = run(FakeSystemd(), check=True, reads=["/etc/b"], written=["/etc/b"])["actions"]
    assert told == ["a.service: enabled", "a.service: started"]


def test_units_of_others_are_neither_started_nor_enabled(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600, b=None)
    systemd.units["a.service"]["UnitFileState"] = "disabled"
    asked = {"names": ["?.service", "*.service", "gone.service"], "state": "refreshed", "reads": [str(conf)]}
    assert run(systemd, **asked)["actions"] == [f"a.service: restarted, {conf} is newer"]
    assert systemd.did == ["daemon-reload", "restart a.service"]
    assert run(systemd, **asked)["changed"] is False
    assert systemd.did == ["daemon-reload", "restart a.service"]


def test_nothing_is_touched_where_the_files_are_not_right(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW - 3600, b=None)
    systemd.accepts = False
    asked = {"names": ["a.service", "b.service"], "reads": [str(conf)], "validate": ["check-it", "now"]}
    refused = run(systemd, **asked)
    assert refused["failed"]
    assert refused["msg"] == "a.service, b.service: left as it is, for check-it refuses its files: line 1 is wrong"
    systemd.accepts, systemd.did = True, []
    assert run(systemd, **asked)["changed"] is True
    assert systemd.did == ["daemon-reload", "check-it", "start b.service", "restart a.service"]
    run(systemd, **asked)
    assert systemd.did.count("check-it") == 1, "it was asked although nothing was to be done"


def test_systemd_reads_a_first_drop_in_that_it_has_not_noticed(run: Run, tmp_path: Path) -> None:
    systemd = FakeSystemd(**{"a@1": NOW})
    folder = tmp_path / "units" / "a@.service.d"
    folder.mkdir(parents=True)
    drop_in = written(folder / "hokku.conf", NOW)
    assert run(systemd, names=["a@1.service"])["changed"] is False
    assert systemd.did == ["daemon-reload"]
    systemd.units["a@1.service"]["DropInPaths"] = f"/lib/other.conf {drop_in}"
    run(systemd, names=["a@1.service"])
    assert systemd.did == ["daemon-reload"]


def test_states_that_say_what_to_do_look_at_no_time(run: Run, conf: Path) -> None:
    systemd = FakeSystemd(a=NOW)
    assert run(systemd, state="restarted")["actions"] == ["a.service: restarted"]
    assert run(systemd, state="reloaded", reads=[str(conf)])["actions"] == ["a.service: reloaded"]
    assert [each for each in systemd.did if each != "daemon-reload"] == [
        "restart a.service",
        "reload-or-restart a.service",
    ]
