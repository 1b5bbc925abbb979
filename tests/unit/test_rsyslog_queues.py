"""rsyslog never starts on a queue that was not closed in order."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "roles" / "log_shipper" / "files" / "rsyslog-queues"
QUEUE = ("hokkuDynos.qi", "hokkuDynos.00000007", "hokkuRouters.00000001")


def keeper(spool: Path, when: str, result: str = "") -> str:
    """What the script says at `when`, called as systemd calls it."""
    environment = {"PATH": "/usr/bin:/bin", "SERVICE_RESULT": result}
    done = subprocess.run(
        ["sh", str(SCRIPT), when, str(spool)], env=environment, text=True, capture_output=True, check=True
    )
    return done.stderr


def fill(spool: Path) -> None:
    for name in QUEUE:
        (spool / name).write_text(name)


def test_a_queue_is_kept_over_a_stop_in_order(tmp_path: Path) -> None:
    fill(tmp_path)
    keeper(tmp_path, "ended", "success")
    assert keeper(tmp_path, "starts") == ""
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(QUEUE)


def test_a_queue_is_moved_aside_after_a_kill_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "imjournal.state").write_text("somebody else's")
    for _ in range(2):  # the second time replaces what the first kept: disks stay flat
        fill(tmp_path)
        keeper(tmp_path, "ended", "signal")
        assert "did not end in order" in keeper(tmp_path, "starts")
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["hokku-aside", "imjournal.state"]
        assert sorted(entry.name for entry in (tmp_path / "hokku-aside").iterdir()) == sorted(QUEUE)


def test_a_stop_in_order_counts_for_one_start_only(tmp_path: Path) -> None:
    keeper(tmp_path, "ended", "success")
    keeper(tmp_path, "starts")
    fill(tmp_path)
    assert keeper(tmp_path, "starts") != ""
