"""A controller with another folder of secrets than the platform's changes nothing."""

from __future__ import annotations

from pathlib import Path

from ansible_runs import run


def test_a_run_with_other_secrets_than_the_platforms_changes_nothing(tmp_path: Path) -> None:
    ran = run("site.yml", "-e", f"hokku_secrets_dir={tmp_path}")
    assert not ran.good, ran.output
    assert f"control1 has a config_key that {tmp_path} does not have" in ran.said
    assert set(ran.changed.values()) == {0}, ran.output
    assert list(tmp_path.iterdir()) == []


def test_no_layer_alone_puts_another_key_in_the_place_of_the_platforms(tmp_path: Path) -> None:
    ran = run("layers/50_control.yml", "-e", f"hokku_secrets_dir={tmp_path}")
    assert not ran.good, ran.output
    assert f"control1 has a config_key that {tmp_path} does not have" in ran.said
