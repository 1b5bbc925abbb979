"""What the toolbelt's listener lets in, what it changes, and what the CLI's environment is."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hokku.toolbelt import git, official, platforms, rewrite
from hokku.toolbelt.admission import Admission, Refusal, Route
from hokku.toolbelt.platforms import Platform, ToolbeltError

PLATFORM = Platform("https://api.example.com:8443", "me@example.com", "HOKKU-real", "/ca.crt")
LOCAL = "http://127.0.0.1:4000"


@pytest.fixture
def admission():
    return Admission(PLATFORM, LOCAL)


def bearer(token):
    return [(b"Host", b"127.0.0.1:4000"), (b"Authorization", f"Bearer {token}".encode())]


def basic(user, password):
    return [(b"Authorization", b"Basic " + base64.b64encode(f"{user}:{password}".encode()))]


def test_the_key_becomes_the_users_token_and_the_host_the_platforms(admission):
    for headers in (bearer(admission.key), basic("", admission.key), basic("x", admission.key), bearer("HOKKU-real")):
        route = admission.route("/apps?a=b", [*headers, (b"Accept", b"x"), (b"Connection", b"close")])
        assert isinstance(route, Route)
        assert (route.origin, route.target) == (("api.example.com", 8443), "/apps?a=b")
        assert sorted(route.headers) == [
            (b"Accept", b"x"),
            (b"Authorization", b"Bearer HOKKU-real"),
            (b"Host", b"api.example.com:8443"),
        ]


@given(
    target=st.sampled_from(["/account", "/", "http://evil/", f"/{'a' * 43}", f"/{'a' * 43}/oauth/authorizations", "*"]),
    value=st.one_of(
        st.binary(max_size=80),
        st.text(max_size=60).map(lambda token: f"Bearer {token}".encode()),
        st.text(max_size=60).map(lambda pair: b"Basic " + base64.b64encode(pair.encode("utf-8", "replace"))),
    ),
)
def test_nobody_without_a_secret_is_let_in(target, value):
    found = Admission(PLATFORM, LOCAL).route(target, [(b"Authorization", value)])
    assert isinstance(found, Refusal)
    assert found.status == 403
    assert "HOKKU-" not in found.message


def test_without_a_login_the_key_opens_nothing(admission):
    admission.platform = Platform(PLATFORM.url)
    found = admission.route("/apps", bearer(admission.key))
    assert (found.status, "hokku login https://api.example.com:8443" in found.message) == (401, True)


def test_a_carried_url_goes_where_it_leads_and_nowhere_else(admission):
    url = "https://logs.example.com/streams/SECRET?tail=true"
    mine = admission.carry(url)
    assert mine == admission.carry(url)
    assert mine.endswith("?tail=true")  # older CLIs look for it
    path = mine.removeprefix(LOCAL)
    found = admission.route(path, [(b"Last-Event-ID", b"7")])
    assert (found.origin, found.target, found.api) == (("logs.example.com", 443), "/streams/SECRET?tail=true", False)
    assert found.headers == [(b"Host", b"logs.example.com"), (b"Last-Event-ID", b"7")]
    assert admission.route(path.split("?")[0], []).target == "/streams/SECRET?tail=true"
    assert admission.route(path.split("?")[0] + "/../x", []).status == 403
    assert admission.carried(json.dumps({"url": mine}).encode()) == json.dumps({"url": url}).encode()
    stranger = f'{{"url": "{LOCAL}/{"b" * 43}"}}'.encode()
    assert admission.carried(stranger) == stranger


def test_a_login_gets_its_token_and_nothing_more(admission):
    asked = basic("me@example.com", "password")
    found = admission.route(f"/{admission.login}/oauth/authorizations", asked)
    assert found.login
    assert asked[0] in found.headers
    assert "heroku login -i" in admission.route(f"/{admission.login}/auth", []).message
    assert admission.route("/oauth/authorizations", asked).status == 403


def test_what_needs_no_token_is_asked_as_the_user(admission):
    found = admission.route(f"/{admission.open}/buildpacks/heroku%2Fpython", bearer("undefined"))
    assert found.target == "/buildpacks/heroku%2Fpython"
    assert (b"Authorization", b"Bearer HOKKU-real") in found.headers


def test_only_urls_of_known_names_at_known_paths_are_rewritten():
    assert all(map(rewrite.concerns, ("/apps/a/log-sessions", "/sources", "/apps/a/builds/1", "/apps/a/dynos/web.1")))
    assert not any(
        map(rewrite.concerns, ("/apps/a/config-vars", "/apps/a", "/account", "/apps/a/releases/1/config-vars"))
    )
    body = {
        "logplex_url": "https://x/",
        "attach_url": "rendezvous://x:5000/S",
        "web_url": "https://y/",
        "n": [None, 1.5],
    }
    found = json.loads(rewrite.rewritten(json.dumps([body]).encode(), lambda url: "A", lambda url: "B"))
    assert found == [body | {"logplex_url": "A", "attach_url": "B"}]
    for untouched in (b'{ "a":1.0,  "output_stream_url": null }', b'{"get_url": "http://plain/"}', b"no json", b""):
        assert rewrite.rewritten(untouched, lambda url: "A", lambda url: "B") == untouched


@pytest.mark.parametrize("words", [["apps"], ["login", "-i"], ["auth:logout"], ["auth:token"]])
def test_the_environment_leads_to_the_listener_alone(words, tmp_path):
    doors = official.Doors(LOCAL, "KEY", f"{LOCAL}/L", f"{LOCAL}/O", tmp_path / "authorities.crt")
    outer = {
        "HOME": "/home/me", "HEROKU_API_KEY": "old", "HEROKU_HEADERS": '{"authorization": "old"}',
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c", "no_proxy": "corp",
    }  # fmt: skip
    made = official.environment(PLATFORM, words, doors, tmp_path, outer)
    assert "old" not in made.values()
    assert "HEROKU_HEADERS" not in made
    assert made["HEROKU_GIT_HOST"] == "api.example.com:8443"
    assert made["no_proxy"] == "corp,127.0.0.1,localhost"
    assert made["HEROKU_HOST"] == (f"{LOCAL}/L" if words == ["login", "-i"] else LOCAL)
    expected = {"login": None, "auth:token": "HOKKU-real"}.get(words[0], "KEY")
    assert made.get("HEROKU_API_KEY") == expected
    assert (made["HOME"] == "/home/me") is (words[0] in ("apps", "auth:token"))
    assert (tmp_path / "gitconfig").read_text().count('"/home/me/.gitconfig"') == 1
    count = int(made["GIT_CONFIG_COUNT"])
    pairs = [(made[f"GIT_CONFIG_KEY_{n}"], made[f"GIT_CONFIG_VALUE_{n}"]) for n in range(count)]
    assert pairs == [("a.b", "c"), *git.settings(PLATFORM)]


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("api.example.com", "https://api.example.com"),
        ("https://api.example.com:443/", "https://api.example.com"),
        ("https://localhost:5443", "https://localhost:5443"),
        ("https://[::1]:5443", "https://[::1]:5443"),
    ],
)
def test_addresses(typed, url):
    assert platforms.address(typed) == url


@pytest.mark.parametrize("typed", ["http://a", "", "https://", "https://a/b", "https://a:x", "https://u@a", "ftp://a"])
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(ToolbeltError, match="is not a platform's address"):
        platforms.address(typed)


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "hokku").mkdir()
    (tmp_path / "hokku" / "platforms.json").write_text("{")
    with pytest.raises(ToolbeltError, match="cannot be read"):
        platforms.stored()
