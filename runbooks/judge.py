"""From what a machine says of itself to what is wrong with it. All of it is pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from runbooks import parts
from runbooks.finding import Finding, State
from runbooks.inventory import GROUPS
from runbooks.reach import Answer
from runbooks.screen import size, span

LITTLE, NOTHING = 15, 5  # percent free of a disk, of its inodes, of a pool
MEMORY = 5  # percent available
OFF, WRONG = 2.0, 30.0  # seconds by which a clock may differ; from the second on certificates and tokens suffer
SOON = 21 * 86400  # seconds before its end: role pki renews what has less than 30 days left
WAITING, FULL = 64 << 20, 768 << 20  # bytes of waiting log lines; log_shipper_disk is 1 GiB of each kind
_SITE = "run playbooks/site.yml --limit {}"


def machine(answer: Answer) -> list[Finding]:
    """Everything that can be said of one machine."""
    name = answer.host.name
    if answer.lost is not None:
        return [lost(answer)]
    told = answer.told
    judged = [
        *_disks(name, told.get("disks", [])),
        *_memory(name, told["memory"]),
        *_clock(name, drift(answer)),
        *_systemd(name, told.get("systemd", True)),
        *_units(name, told["units"]),
        *_strangers(name, told["failed"], told["units"]),
        *_answers(name, told),
        *_certificates(name, told["certificates"], answer.ended),
        *_spool(name, told["spool"]),
    ]
    if answer.host.groups & {"dyno_hosts"} and told.get("lxd") is not None:
        judged += _lxd(name, told["lxd"])
    if any(each.state is not State.OK for each in judged):
        return judged
    there = ", ".join(group for group in GROUPS if group in answer.host.groups)
    return [Finding("machine", name, State.OK, f"{name} is well ({there}; up {span(told['uptime'])}).", host=name)]


def lost(answer: Answer) -> Finding:
    """A machine that is not reached."""
    name = answer.host.name
    there = [group for group in GROUPS if group in answer.host.groups]
    ssh = f"ssh {answer.host.user}@{answer.host.address}"
    remedy = f"See that {name} is powered on and on the network, and that `{ssh}` works."
    if "host key" in (answer.lost or ""):
        remedy = (
            f"Find out why before anything else; then put {name}'s host key into the known_hosts file of the inventory."
        )
    return Finding(
        "machine", name, State.FAILED, f"{name} ({', '.join(there)}) is not reached: {answer.lost}.", remedy, name
    )


def drift(answer: Answer) -> float:
    """Seconds by which the machine's clock is certainly ahead of this computer's: 0 when it may be right."""
    least, most = answer.told["left"] - answer.ended, answer.told["came"] - answer.began
    return least if least > 0 else min(most, 0.0)


def _disks(name: str, disks: list[Mapping[str, Any]]) -> Iterator[Finding]:
    for disk in disks:
        for what, free, total in (
            ("the disk", disk["free"], disk["size"]),
            ("the inodes", disk["inodes_free"], disk["inodes"]),
        ):
            if total:
                yield from _room(name, f"{what} of {disk['path']} on {name}", free * 100 // total)


def _room(name: str, what: str, percent: int) -> Iterator[Finding]:
    if percent >= LITTLE:
        return
    state = State.FAILED if percent < NOTHING else State.WARNING
    remedy = f"Make room on {name}: docs/garbage.md says what is kept and how to keep less; or enlarge its file system."
    yield Finding("disk", name, state, f"Of {what} {percent} % are free.", remedy, name)


def _memory(name: str, memory: Mapping[str, int]) -> Iterator[Finding]:
    percent = memory["available"] * 100 // memory["total"]
    if percent < MEMORY:
        said = f"{name} has {percent} % of its {size(memory['total'] * 1024)} of memory available."
        remedy = (
            f"See what takes it (`ps aux --sort=-rss` on {name}); drain it (fab drain --host {name}) or add memory."
        )
        yield Finding("memory", name, State.WARNING, said, remedy, name)


def _clock(name: str, seconds: float) -> Iterator[Finding]:
    if abs(seconds) < OFF:
        return
    state = State.FAILED if abs(seconds) >= WRONG else State.WARNING
    said = f"The clock of {name} is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} this computer's."
    remedy = (
        f"Let {name} keep time: apt install chrony there (or systemd-timesyncd); and see that this computer's is right."
    )
    yield Finding("time", name, state, said, remedy, name)


def _units(name: str, units: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    for unit, seen in units.items():
        short = unit.removesuffix(".service")
        if seen["load"] == "not-found":
            said, remedy = f"{short} is not installed on {name}", f"{_SITE.format(name).capitalize()}."
        elif seen["active"] != "active":
            how = f"{seen['active']}, {seen['result']}" if seen["result"] not in ("", "success") else seen["active"]
            said = f"{short} does not run on {name} ({how})"
            remedy = f"On {name}: systemctl start {short}; if it does not stay, journalctl -u {short} -n 50 says why."
        else:
            continue
        yield Finding(parts.part(unit), short, State.FAILED, f"{said}: {parts.without(unit)}.", remedy, name)


def _systemd(name: str, answers: bool) -> Iterator[Finding]:
    if not answers:
        said = f"systemd on {name} did not say how its services are: whether they run is not known."
        remedy = (
            f"On {name}: systemctl status, and journalctl -n 50; where systemd hangs, only a restart of {name} helps."
        )
        yield Finding("machine", name, State.FAILED, said, remedy, name)


def _strangers(name: str, failed: list[str], units: Mapping[str, Any]) -> Iterator[Finding]:
    if others := [unit for unit in failed if unit not in units]:
        said = f"On {name} systemd has failed units: {', '.join(others)}."
        remedy = f"On {name}: systemctl status {others[0]}; once mended or unneeded, systemctl reset-failed."
        yield Finding("machine", name, State.WARNING, said, remedy, name)


def _answers(name: str, told: Mapping[str, Any]) -> Iterator[Finding]:
    """Services that run, as systemd has it, and do not answer."""
    asked = (
        ("postgresql", "postgresql", told.get("postgresql", True) is False),
        ("redis", "redis-server", told.get("redis", True) is False),
        ("haproxy", "haproxy", "haproxy" in told and told["haproxy"] is None),
    )
    for key, unit, silent in asked:
        running = any(seen["active"] == "active" for known, seen in told["units"].items() if known.startswith(unit))
        if key in told and silent and running:
            remedy = f"On {name}: journalctl -u {unit} -n 50; then systemctl restart {unit}."
            said = f"{unit} runs on {name}, and does not answer on its socket: {parts.without(unit)}."
            yield Finding(parts.part(unit), unit, State.FAILED, said, remedy, name)


def _certificates(name: str, ends: Mapping[str, float], now: float) -> Iterator[Finding]:
    for path, end in ends.items():
        if end - now >= SOON:
            continue
        day = f"{datetime.fromtimestamp(end, UTC):%Y-%m-%d}"
        state, said = (State.FAILED, "ended on") if end <= now else (State.WARNING, "ends on")
        remedy = (
            "Run playbooks/site.yml: role pki renews certificates that end within 30 days."
            if path in parts.CERTIFICATES
            else f"It is one of your own, which Hokku does not renew: put a new one in its place on {name}."
        )
        yield Finding("certificates", name, state, f"{path} on {name} {said} {day}.", remedy, name)


def _spool(name: str, spool: Mapping[str, float]) -> Iterator[Finding]:
    if spool["bytes"] < WAITING:
        return
    state = State.FAILED if spool["bytes"] >= FULL else State.WARNING
    grown = spool["bytes"] - spool["before"]
    how = f"grew by {size(grown)}" if grown > 0 else "did not grow" if grown == 0 else f"shrank by {size(-grown)}"
    said = f"{size(spool['bytes'])} of log lines wait on {name}, and {how} in {spool['seconds']:.1f} s."
    remedy = f"See that rsyslog and redis-server run on the logplex host; then journalctl -u rsyslog -n 50 on {name}."
    yield Finding("logs", name, state, said, remedy, name)


def _lxd(name: str, told: Mapping[str, Any]) -> Iterator[Finding]:
    if "error" in told:
        remedy = f"On {name}: journalctl -u lxd -n 50; LXD may be restarted, dynos run on (systemctl restart lxd)."
        said = f"LXD on {name} runs, and does not answer: {str(told['error']).strip()[:200].rstrip('.')}."
        yield Finding("host", name, State.FAILED, said, remedy, name)
        return
    for member, (status, message) in told["members"].items():
        if status == "Online":
            continue
        said = f"The LXD cluster has {member} as {status.lower()}: {message.rstrip('.')}."
        remedy = f"See that {member} runs, and on it: systemctl status lxd; it comes back by itself once it answers."
        yield Finding("host", member, State.FAILED, said, remedy)
    for pool, there in told["pools"].items():
        for what, numbers in (("the pool", there.get("space")), ("the inodes of the pool", there.get("inodes"))):
            if numbers and numbers.get("total"):
                free = (numbers["total"] - numbers["used"]) * 100 // numbers["total"]
                yield from _room(name, f"{what} {pool} on {name}", free)


def distinct(found: list[Finding]) -> list[Finding]:
    """Without what several machines say alike, such as that a member of the cluster is away."""
    return list(dict.fromkeys(found))
