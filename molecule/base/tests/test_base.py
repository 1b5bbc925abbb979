"""What role base promises of every host."""

from __future__ import annotations

from testinfra.host import Host


def test_the_clock_speaks_utc(host: Host) -> None:
    assert host.check_output("date +%Z") == "UTC"
    assert host.file("/etc/localtime").linked_to == "/usr/share/zoneinfo/Etc/UTC"


def test_apt_upgrades_nothing_by_itself(host: Host) -> None:
    dump = host.check_output("apt-config dump")
    assert 'APT::Periodic::Unattended-Upgrade "0";' in dump
    assert 'APT::Install-Recommends "false";' in dump


def test_hosts_know_each_other_by_name(host: Host) -> None:
    assert "10.213.77.51" in host.check_output("getent ahostsv4 mol1").split()


def test_the_journal_is_kept_and_bounded(host: Host) -> None:
    assert "SystemMaxUse=200M" in host.check_output("systemd-analyze cat-config systemd/journald.conf")
    assert host.file("/var/log/journal").is_directory


def test_the_journal_was_restarted_with_its_settings(host: Host) -> None:
    assert host.service("systemd-journald").is_running
    assert host.check_output("journalctl --header").count("/var/log/journal/") > 0


def test_every_host_has_what_the_other_roles_count_on(host: Host) -> None:
    assert [name for name in ("curl", "nftables", "rsync", "zstd") if not host.package(name).is_installed] == []
    assert host.file("/etc/hokku").is_directory
