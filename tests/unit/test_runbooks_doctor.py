"""What the doctor finds wrong in what machines and the API say, and what it says to do first."""

from __future__ import annotations

import copy

import pytest
from fake_api import FakeApi, Refusal
from invoke import Context, Exit

from runbooks import doctor, judge
from runbooks.finding import Finding, State, exit_status, next_step, ordered
from runbooks.inventory import Host
from runbooks.reach import Answer

NOW = 1_800_000_000.0
DAY = 86400
GIB = 1 << 30
RUNS = {"load": "loaded", "active": "active", "sub": "running", "result": "success", "restarts": 0}
WELL = {
    "uptime": 90000.0, "load": [0.1, 0.1, 0.1], "cpus": 2, "came": NOW, "left": NOW + 1,
    "memory": {"total": 1000, "available": 500},
    "disks": [{"path": "/", "size": 100, "free": 50, "inodes": 100, "inodes_free": 60}],
    "units": {"lxd.service": RUNS, "rsyslog.service": RUNS}, "failed": [],
    "certificates": {"/etc/hokku/tls/host.crt": NOW + 300 * DAY},
    "spool": {"bytes": 0, "before": 0, "seconds": 0.5},
    "lxd": {
        "members": {"dyno1": ["Online", "Fully operational"]},
        "pools": {"hokku": {"space": {"used": 1, "total": 9}, "inodes": {"used": 0, "total": 0}}},
    },
}  # fmt: skip


def answer(*groups: str, name: str = "dyno1", lost: str | None = None, **changed: object) -> Answer:
    told = {} if lost else {**copy.deepcopy(WELL), **changed}
    return Answer(
        Host(name, "192.0.2.1", frozenset(groups or ("dyno_hosts",)), "root"), told, lost, NOW - 0.1, NOW + 1.1
    )


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def test_a_machine_that_is_well_is_one_line() -> None:
    found = only(judge.machine(answer()))
    assert (found.state, found.message) == (State.OK, "dyno1 is well (dyno_hosts; up 1 d 1 h).")


@pytest.mark.parametrize(
    ("changed", "part", "state", "said"),
    [
        ({"disks": [{**WELL["disks"][0], "free": 14}]}, "disk", "warning", "the disk of / on dyno1 14 % are free"),
        ({"disks": [{**WELL["disks"][0], "free": 4}]}, "disk", "failed", "4 % are free"),
        ({"disks": [{**WELL["disks"][0], "inodes_free": 3}]}, "disk", "failed", "the inodes of / on dyno1 3 %"),
        ({"memory": {"total": 1000, "available": 40}}, "memory", "warning", "4 % of its 1000 KiB"),
        ({"came": NOW + 5, "left": NOW + 6}, "time", "warning", "dyno1 is 5 s ahead of"),
        ({"came": NOW - 60, "left": NOW - 59}, "time", "failed", "dyno1 is 60 s behind"),
        ({"failed": ["cron.service"]}, "machine", "warning", "failed units: cron.service"),
        ({"certificates": {"/a.crt": NOW - DAY}}, "certificates", "failed", "/a.crt on dyno1 ended on"),
        ({"systemd": False, "units": {}, "lxd": None}, "machine", "failed", "systemd on dyno1 did not say"),
        ({"certificates": {"/a.crt": NOW + 20 * DAY}}, "certificates", "warning", "/a.crt on dyno1 ends on"),
        ({"spool": {"bytes": 80 << 20, "before": 70 << 20, "seconds": 0.5}}, "logs", "warning", "grew by 10.0 MiB"),
        ({"spool": {"bytes": GIB, "before": GIB, "seconds": 0.5}}, "logs", "failed", "1.0 GiB of log lines wait"),
        ({"lxd": {"error": "timed out"}}, "host", "failed", "LXD on dyno1 runs, and does not answer: timed out"),
        (
            {"lxd": {"members": {"dyno2": ["Offline", "No heartbeat for 20s"]}, "pools": {}}},
            "host", "failed", "The LXD cluster has dyno2 as offline: No heartbeat for 20s.",
        ),
        (
            {"lxd": {"members": {}, "pools": {"hokku": {"space": {"used": 99, "total": 100}}}}},
            "disk", "failed", "Of the pool hokku on dyno1 1 % are free.",
        ),
        (
            {"units": {"lxd.service": {**RUNS, "active": "failed", "result": "exit-code"}}, "failed": ["lxd.service"]},
            "host", "failed", "lxd does not run on dyno1 (failed, exit-code): this host's dynos cannot be changed.",
        ),
        ({"units": {"rsyslog.service": {**RUNS, "load": "not-found"}}}, "logs", "failed", "is not installed on dyno1"),
    ],
)  # fmt: skip
def test_each_thing_that_can_be_wrong_is_found_with_a_remedy(changed: dict, part: str, state: str, said: str) -> None:
    found = only(judge.machine(answer(**changed)))
    assert (found.part, found.state.value) == (part, state)
    assert said in found.message
    assert found.remedy
    assert found.remedy.endswith(".")


def test_only_what_the_platform_renews_is_said_to_be_renewed() -> None:
    ended = {"/etc/hokku/tls/host.crt": NOW - DAY, "/etc/hokku/tls/public.pem": NOW - DAY}
    remedies = [each.remedy or "" for each in judge.machine(answer(certificates=ended))]
    assert ["site.yml" in each for each in remedies] == [True, False]
    assert "put a new one in its place on dyno1" in remedies[1]


def test_services_that_run_and_do_not_answer_are_found() -> None:
    units = {"postgresql@15-main.service": RUNS, "redis-server.service": RUNS, "haproxy.service": RUNS}
    silent = {"postgresql": False, "redis": False, "haproxy": None, "lxd": None, "units": units}
    found = judge.machine(answer("database", "logplex", "routers", **silent))
    assert [each.name for each in found] == ["postgresql", "redis-server", "haproxy"]
    stopped = {name: {**RUNS, "active": "inactive"} for name in units}
    again = judge.machine(answer("database", "logplex", "routers", **{**silent, "units": stopped}))
    assert len(again) == 3  # of a service that does not run it is not said besides that it is silent


def test_a_clock_may_be_off_by_what_the_way_there_took() -> None:
    slow = Answer(answer().host, {**WELL, "came": NOW + 8, "left": NOW + 9}, None, NOW, NOW + 10)
    assert judge.drift(slow) == 0
    assert judge.drift(answer(came=NOW + 8, left=NOW + 9)) == pytest.approx(7.9)


def test_what_others_stand_on_is_mended_first() -> None:
    def failed(part: str, near: bool = True) -> Finding:
        return Finding(part, part, State.FAILED, f"{part} failed.", f"Mend {part}.", near=near)

    parts = ["courier", "router", "host", "manifold", "api", "database", "disk", "machine"]
    warning = Finding("machine", "a", State.WARNING, "a warning.", "Later.")
    well = Finding("machine", "b", State.OK, "well.")
    found = ordered([well, warning, *(failed(part) for part in parts)])
    assert [each.part for each in found[:8]] == parts[::-1]
    assert found[8:] == [warning, well]
    assert next_step([well, warning, failed("courier"), failed("database")]) == failed("database")
    assert next_step([failed("api", near=False), failed("api")]) == failed("api")
    assert next_step([failed("api"), failed("database"), failed("certificates")]) == failed("certificates")
    assert next_step([failed("api"), failed("certificates", near=False)]) == failed("api")
    assert next_step([well, warning]) == warning
    assert next_step([well]) is None
    assert [exit_status(each) for each in ([well], [well, warning], [failed("api")])] == [0, 0, 1]


def test_a_lost_machine_comes_before_what_fails_because_of_it() -> None:
    lost = judge.machine(answer("control", "database", name="control1", lost="192.0.2.1 does not answer within 5 s"))
    members = {"control1": ["Offline", "x"]}
    others = judge.machine(answer(lxd={"members": members, "pools": {}}))
    step = next_step([*others, *lost])
    assert step is not None
    assert step.message == "control1 (control, database) is not reached: 192.0.2.1 does not answer within 5 s."


def test_what_several_members_say_alike_is_said_once() -> None:
    away = {"members": {"dyno3": ["Offline", "No heartbeat"]}, "pools": {}}
    found = [f for name in ("dyno1", "dyno2") for f in judge.machine(answer(name=name, lxd=away))]
    assert len(judge.distinct(found)) == 1


class Asked:
    """What `access.known` gives, over a fake of the API."""

    def __init__(self, fake: FakeApi) -> None:
        self._fake = fake

    def open(self, timeout: int) -> FakeApi:
        return self._fake


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = FakeApi()
    fake.close = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setattr("runbooks.access.known", lambda given: Asked(fake))
    return fake


def test_what_the_api_says_is_taken_as_it_says_it(api: FakeApi) -> None:
    check = {"part": "courier", "name": "courier", "state": "failed", "message": "None.", "remedy": "Start it."}
    api.answers = {("GET", "/health"): {"version": "1"}, ("GET", "/platform/checks"): [check]}
    well, told = doctor.of_api("")
    assert (well.state, told.state, told.part, told.remedy) == (State.OK, State.FAILED, "courier", "Start it.")


def test_an_api_that_is_down_and_one_that_is_old_are_findings(api: FakeApi) -> None:
    api.answers = {("GET", "/health"): Refusal(0, "https://api.example.com does not answer.")}
    assert only(doctor.of_api("")).state is State.FAILED
    older = Refusal(404, "The requested API endpoint was not found. Are you using the right HTTP verb?")
    api.answers = {("GET", "/health"): {"version": "1"}, ("GET", "/platform/checks"): older}
    assert [each.state for each in doctor.of_api("")] == [State.OK, State.WARNING]


def test_the_doctor_says_one_thing_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    units = {
        "hokku-api.service": {**RUNS, "active": "inactive"},
        "hokku-courier.service": {**RUNS, "active": "inactive"},
    }
    found = judge.machine(answer("control", name="control1", units=units))
    monkeypatch.setattr(doctor, "examined", lambda given: found)
    with pytest.raises(Exit) as ended:
        doctor.doctor(Context())
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert said.count("Next: ") == 1
    assert "Next: On control1: systemctl start hokku-api; if it does not stay, journalctl -u hokku-api -n 50" in said
    assert "1 more may come from the same cause" in said
