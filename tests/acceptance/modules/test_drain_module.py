"""`hokku.platform.drain` on the lab."""

from __future__ import annotations

from collections.abc import Callable

from buildpack_server import GATEWAY
from platform_client import App
from runner import Runner, Step

PASSWORD = "an-old-silent-pond-7381"


def test_an_apps_drains_are_what_one_task_says_and_no_password_is_shown(
    runner: Runner, new_app: Callable[..., App]
) -> None:
    app = new_app()
    archive = f"https://shop:{PASSWORD}@{GATEWAY}:6400/lines?key={PASSWORD}"
    syslog = f"syslog://{GATEWAY}:6500"
    both = {"app": app.name, "urls": [archive, syslog], "exact": True}
    would, changed, unchanged, scheme, network, gone, told = runner.play(
        [
            Step("drain", both, check=True),
            Step("drain", both),
            Step("drain", both),
            Step("drain", {"app": app.name, "url": f"ftp://shop:{PASSWORD}@logs.example.com"}),
            Step("drain", {"app": app.name, "url": f"https://shop:{PASSWORD}@169.254.169.254/"}),
            Step("drain", {"app": app.name, "url": syslog, "exact": True}),
            Step("drain_info", {"app": app.name}),
        ]
    )
    https, plain = f"{GATEWAY}:6400 (https)", f"{GATEWAY}:6500 (syslog)"
    assert would["actions"] == changed["actions"] == [f"drain to {https} added", f"drain to {plain} added"]
    assert would["diff"]["after"] == {"drains": [f"{https}, new", f"{plain}, new"]}
    tokens = [each["token"] for each in changed["drains"]]
    assert changed["diff"]["after"] == {"drains": [f"{https}, {tokens[0]}", f"{plain}, {tokens[1]}"]}
    assert (unchanged["changed"], unchanged["drains"]) == (False, changed["drains"])
    assert (scheme["failed"], network["failed"]) == (True, True)
    assert "no scheme that is served" in scheme["msg"]
    assert gone["actions"] == [f"drain to {https} removed"]
    assert told["drains"] == [changed["drains"][1]]
    assert [each["url"] for each in app.call("GET", "/log-drains", status=200).json()] == [syslog]
    assert not runner.says(PASSWORD)
