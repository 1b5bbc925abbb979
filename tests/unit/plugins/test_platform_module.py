"""What all modules have from their base: secrets that stay secret without striking out what is none."""

from __future__ import annotations

import json

import pytest
from ansible_collections.hokku.platform.plugins.module_utils._api import Api, ApiError, NoAnswer, path, until
from ansible_collections.hokku.platform.plugins.module_utils._platform import PlatformModule

TOKEN = "hokku-unit-token-0123456789"
SPEC = {"vars": {"type": "dict", "no_log": True}}


@pytest.fixture
def ended(capsys: pytest.CaptureFixture[str], module_args):
    """What a module printed that did this work, read and as it was."""
    given = {
        "api_url": "https://api.example.com",
        "api_token": TOKEN,
        "vars": {"A": "web", "N": "1", "T": TOKEN, "P": "hunter2"},
    }

    def run(work) -> tuple[dict, str]:
        with module_args(given), pytest.raises(SystemExit):
            work(PlatformModule(SPEC))
        printed = capsys.readouterr().out
        return json.loads(printed), printed

    return run


def test_concealed_values_strike_out_nothing_else(ended) -> None:
    def work(module: PlatformModule) -> None:
        module.conceal("vars", {"A": "********"}, ["hunter2"])
        module.actions.append("1 dyno of web")
        module.done(quantity=1)

    result, printed = ended(work)
    assert (result["actions"], result["quantity"], result["changed"]) == (["1 dyno of web"], 1, True)
    assert result["invocation"]["module_args"]["vars"] == {"A": "********"}
    assert "hunter2" not in printed


def test_the_token_stays_struck_out_though_it_is_a_concealed_value_too(ended) -> None:
    def work(module: PlatformModule) -> None:
        module.conceal("vars", {})
        module.done(said=f"it is {TOKEN}")

    assert TOKEN not in ended(work)[1]


def test_a_failure_does_not_tell_what_is_concealed(ended) -> None:
    def work(module: PlatformModule) -> None:
        module.conceal("vars", {}, ["hunter2"])
        module.fail(ApiError("The value hunter2 is not liked by web 1."))

    result, printed = ended(work)
    assert result["msg"] == "The value ******** is not liked by web 1."
    assert "hunter2" not in printed


@pytest.mark.parametrize("part", ["", " ", ".", ".."])
def test_a_path_has_no_part_that_leads_elsewhere(part: str) -> None:
    with pytest.raises(ApiError, match="is the name of nothing"):
        path("apps", part)


def test_waiting_ends_with_what_was_seen_last() -> None:
    with pytest.raises(ApiError, match=r"^web\.2 is starting after 0 s\.$"):
        until(0, lambda: "web.2 is starting", lambda: None)


def test_what_is_not_answered_is_told_from_what_is_refused() -> None:
    with pytest.raises(NoAnswer, match="does not answer"):
        Api("https://127.0.0.1:1", TOKEN).get("/apps")
    for status in (502, 503):
        with pytest.raises(NoAnswer):
            Api._judged("GET", "/apps", status, b"")
    with pytest.raises(ApiError) as refused:
        Api._judged("GET", "/apps", 422, b"")
    assert not isinstance(refused.value, NoAnswer)
