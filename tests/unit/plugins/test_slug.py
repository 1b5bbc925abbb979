"""The action plugin `slug`, over a fake of the API: what is built, what is not, and how a build is ended."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import tarfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.hokku.platform.plugins.action import slug as action
from ansible_collections.hokku.platform.plugins.module_utils._api import NoAnswer
from fake_api import NOTHING, FakeApi, Refusal, Turns
from told import SECRET_URL, build, slug, slug_id

BUILD, PUT = ("POST", "/apps/shop/builds"), "https://api.example.com/sources/1/secret-of-the-source"
STREAM, VERDICT = ("STREAM", SECRET_URL), ("GET", "/apps/shop/builds/b1")
TOKEN = "hokku-unit-token-0123456789"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    (made / "app.py").write_text("print()")
    return made


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that the terminal gets."""
    lines: list[str] = []
    monkeypatch.setattr(action.display, "display", lambda line, *more, **options: lines.append(line))
    return lines


@pytest.fixture
def run_slug(source, shown, tmp_path, monkeypatch):
    """`run_slug(api, …)`: the action's result."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(action.C, "DEFAULT_LOCAL_TMP", str(tmp_path))

    def run(api: FakeApi, *, check=False, diff=True, environment=(), **args: Any) -> dict[str, Any]:
        monkeypatch.setattr(action, "Api", lambda *_, **__: api)
        given = {"api_url": "https://api.example.com", "api_token": TOKEN, "app": "shop", "source": str(source), **args}
        task = SimpleNamespace(
            args={name: value for name, value in given.items() if value is not None},
            check_mode=check, diff=diff, async_val=0, environment=list(environment), no_log=False, action="slug",
        )  # fmt: skip
        loader = DataLoader()
        shell = SimpleNamespace(tmpdir=None, env_prefix=lambda **_: "")
        plugin = action.ActionModule(
            task, SimpleNamespace(_shell=shell), SimpleNamespace(check_mode=check), loader, Templar(loader), None
        )
        plugin._load_name = "slug"  # as Ansible's loader sets it
        result = plugin.run(task_vars={})
        assert TOKEN not in str(result)
        assert "secret-of-the-source" not in str(result)
        return result

    return run


def api(**more: Any) -> FakeApi:
    """An app without builds, whose next one succeeds."""
    return FakeApi(
        {
            ("GET", "/apps/shop"): {"build_stack": {"name": "debian-12"}},
            ("GET", "/apps/shop/buildpack-installations"): [],
            ("GET", "/apps/shop/builds"): [],
            ("POST", "/sources"): {"source_blob": {"put_url": PUT, "get_url": f"{PUT}/get"}},
            ("UPLOAD", PUT): {"size": 1},
            ("GET", f"/apps/shop/slugs/{slug_id(1)}"): slug(1),
            BUILD: build("b1", status="pending", slug=None),
            STREAM: "-----> Python app detected\n\0       Grüße\r\nlast".encode(),
            VERDICT: Turns([build("b1", status="pending"), build("b1")]),
            **more.get("answers", {}),
        }
    )


def test_a_tree_is_packed_built_without_a_release_and_followed(run_slug, shown) -> None:
    there = api()
    result = run_slug(there)
    assert (result["changed"], result["slug"], result["build"]) == (True, slug_id(1), "b1")
    assert result["actions"][0].startswith("slug built from 1 file (")
    assert result["output"] == ["-----> Python app detected", "       Grüße", "last"]
    assert shown == [f"    {line}" for line in result["output"]]
    upload, body = there.changes[1][2], there.changes[2][-1]
    with tarfile.open(fileobj=io.BytesIO(upload)) as tar:
        assert tar.getnames() == ["app.py"]
    blob = {"url": f"{PUT}/get", "checksum": result["checksum"], "version": None}
    assert body == {"source_blob": blob, "release": False}
    assert result["diff"] == {"before": {"slug of": None}, "after": {"slug of": result["checksum"]}}


def built(run_slug, **more: Any) -> dict[str, Any]:
    """A build of the very source, as it would be listed."""
    checksum = run_slug(api(), check=True)["checksum"]
    return build("b0", **{"source_blob": {"checksum": checksum, "version": None, "url": ""}, **more})


def test_what_was_built_already_is_taken(run_slug, shown) -> None:
    there = api(answers={("GET", "/apps/shop/builds"): [build("other"), built(run_slug)]})
    result = run_slug(there)
    assert (result["changed"], result["slug"], result["build"]) == (False, slug_id(1), "b0")
    assert (there.changes, shown, result["output"]) == ([], [], [])


@pytest.mark.parametrize(
    "other",
    [
        {"stack": "debian-13"},
        {"buildpacks": [{"name": "heroku/go", "url": "urn:buildpack:heroku/go"}]},
        {"status": "failed", "slug": None},
        {"source_blob": {"checksum": "SHA256:" + "1" * 64, "version": None, "url": ""}},
        {"source_blob": {"checksum": None, "version": None, "url": ""}},
    ],
)
def test_what_was_built_of_another_source_or_otherwise_is_not_taken(run_slug, other: dict) -> None:
    there = api(answers={("GET", "/apps/shop/builds"): [built(run_slug, **other)]})
    assert run_slug(there)["build"] == "b1"


@pytest.mark.parametrize("answer", [NOTHING, slug(1, deleted_at="2026-01-01T12:00:00Z")])
def test_a_slug_that_is_not_kept_any_more_is_built_again(run_slug, answer) -> None:
    listed = {("GET", "/apps/shop/builds"): [built(run_slug)], ("GET", f"/apps/shop/slugs/{slug_id(1)}"): answer}
    assert run_slug(api(answers=listed))["build"] == "b1"


def test_it_is_built_again_when_that_is_forced(run_slug) -> None:
    there = api(answers={("GET", "/apps/shop/builds"): [built(run_slug)]})
    assert run_slug(there, force=True)["build"] == "b1"


def test_check_mode_says_whether_it_would_build_and_sends_nothing(run_slug) -> None:
    there = api()
    result = run_slug(there, check=True)
    assert (result["changed"], result["slug"], there.changes) == (True, None, [])
    same = api(answers={("GET", "/apps/shop/builds"): [built(run_slug)]})
    assert run_slug(same, check=True)["changed"] is False


def test_a_ref_is_built_with_its_commit_as_the_version(run_slug, source: Path) -> None:
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", str(source), *words], check=True)
    head = subprocess.run(["git", "-C", str(source), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    there = api()
    assert run_slug(there, ref="HEAD")["version"] == head.stdout.strip()
    assert there.changes[2][2]["source_blob"]["version"] == head.stdout.strip()
    assert run_slug(api(), ref="HEAD", version="v1.4")["version"] == "v1.4"
    assert "no commit nowhere" in run_slug(api(), ref="nowhere")["msg"]


def test_a_failed_build_fails_with_the_last_lines(run_slug) -> None:
    there = api(answers={VERDICT: build("b1", status="failed", slug=None), STREAM: b"one\n !     bad Procfile\n"})
    result = run_slug(there)
    assert (result["failed"], result["changed"]) == (True, False)
    assert result["msg"] == "Build b1 of shop failed. It said last:\none\n !     bad Procfile"
    assert result["output"] == ["one", " !     bad Procfile"]


class Breaking(io.BytesIO):
    """A connection that is lost where it should go on."""

    def read1(self, size: int = -1) -> bytes:
        if found := super().read1(size):
            return found
        raise NoAnswer("https://api.example.com does not answer")


def test_a_stream_that_breaks_off_is_resumed_where_it_ended(run_slug) -> None:
    there = api()

    @contextmanager
    def stream(url, headers=None, timeout=90):
        there.asked.append(("STREAM", url, headers))
        yield Breaking("\0\0-----> Grü".encode()[:-1]) if headers is None else io.BytesIO("üße\nlast\n".encode()[1:])

    there.stream = stream
    assert run_slug(there)["output"] == ["-----> Grüße", "last"]
    ranges = [each[2] for each in there.asked if each[0] == "STREAM"]
    assert ranges == [None, {"Range": f"bytes={len('-----> Grü'.encode()) - 1}-"}]


def test_an_api_that_restarts_ends_no_following(run_slug, monkeypatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    there = api()
    there.answers[STREAM] = Turns([Refusal(0, "no answer"), Refusal(503, "not yet"), there.answers[STREAM]])
    there.answers[VERDICT] = Turns([Refusal(502, "bad gateway"), build("b1")])
    assert run_slug(there)["output"][-1] == "last"


def test_a_build_that_takes_too_long_is_cancelled(run_slug, shown, monkeypatch) -> None:
    there = api(answers={("DELETE", "/apps/shop/builds/b1"): build("b1", status="pending")})
    moments = iter([0.0, *[1000.0] * 50])
    monkeypatch.setattr(action._builds.time, "monotonic", lambda: next(moments))
    result = run_slug(there, wait_timeout=60)
    assert "was not over after 60 s" in result["msg"]
    assert there.changes[-1][:2] == ("DELETE", "/apps/shop/builds/b1")
    assert "cancelled" in shown[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_build_and_then_does_what_it_would_have_done(run_slug, number) -> None:
    there, came = api(answers={("DELETE", "/apps/shop/builds/b1"): build("b1", status="pending")}), []

    @contextmanager
    def stream(url, headers=None, timeout=90):
        os.kill(os.getpid(), number)
        yield io.BytesIO(b"never read\n")

    there.stream = stream
    before = signal.signal(number, lambda *about: came.append(len(there.changes)))
    try:
        with pytest.raises(action._Stopped):
            run_slug(there)
        assert there.changes[-1][:2] == ("DELETE", "/apps/shop/builds/b1")
        assert came == [len(there.changes)], "once, after the build was cancelled"
    finally:
        signal.signal(number, before)


def test_a_platform_that_releases_what_was_to_be_a_slug_is_said(run_slug) -> None:
    result = run_slug(api(answers={VERDICT: build("b1", release={"id": "r"})}))
    assert (result["failed"], result["changed"]) == (True, True)
    assert "older than this collection" in result["msg"]


@pytest.mark.parametrize("where", [("GET", "/apps/shop"), ("POST", "/sources"), ("UPLOAD", PUT), BUILD])
def test_a_refusal_is_said_and_nothing_was_changed(run_slug, where) -> None:
    result = run_slug(api(answers={where: Refusal(422, "The platform refuses.", "invalid_params")}))
    assert (result["failed"], result["changed"], result["msg"]) == (True, False, "The platform refuses.")


@pytest.mark.parametrize("given", [{"app": None}, {"source": None}, {"force": "perhaps"}, {"sauce": "x"}])
def test_options_that_are_wrong_are_refused_before_anything_is_asked(run_slug, monkeypatch, given: dict) -> None:
    untouched = FakeApi()
    with pytest.raises(AnsibleActionFail):
        run_slug(untouched, **given)
    assert untouched.asked == []


@pytest.mark.parametrize("given", [{"wait_timeout": 0}, {"source": "/nowhere/at/all"}])
def test_values_that_are_wrong_are_refused_before_anything_is_asked(run_slug, given: dict) -> None:
    untouched = FakeApi()
    assert run_slug(untouched, **given)["failed"]
    assert untouched.asked == []


def test_the_connection_may_stand_in_the_tasks_environment(run_slug, monkeypatch) -> None:
    for name in ("HOKKU_API_URL", "HEROKU_HOST", "HOKKU_API_TOKEN", "HEROKU_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    told = [{"HEROKU_HOST": "https://api.example.com"}, {"HEROKU_API_KEY": TOKEN}]
    assert run_slug(api(), api_url=None, api_token=None, environment=told, check=True)["changed"]
    with pytest.raises(AnsibleActionFail, match="api_token"):
        run_slug(api(), api_url=None, api_token=None, environment=told[:1])
