"""The module `files`: what it makes once, and keeps of what others wrote."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

MINE = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}


def test_a_check_tells_what_a_run_does_and_a_second_run_does_nothing(run_here, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    hosts.chmod(0o640)
    wanted = {
        "directories": [{"path": str(tmp_path / "d"), **MINE}],
        "files": [{"path": str(tmp_path / "d" / "f"), "content": "x\n", **MINE}],
        "blocks": [{"path": str(hosts), "marker": "hosts", "content": "10.0.0.1 a\n"}],
    }
    would = run_here("files", check=True, **wanted)
    assert hosts.read_text() == "127.0.0.1 localhost\n"
    done = run_here("files", **wanted)
    assert would["paths"] == done["paths"] == [str(tmp_path / "d"), str(tmp_path / "d" / "f"), str(hosts)]
    assert would["diff"] == done["diff"]
    assert hosts.read_text() == "127.0.0.1 localhost\n# BEGIN hosts\n10.0.0.1 a\n# END hosts\n"
    assert hosts.stat().st_mode & 0o7777 == 0o640
    again = run_here("files", **wanted)
    assert (again["changed"], again["paths"], again["groups"]) == (False, [], [])
