"""heroku/static: what of static.json becomes nginx's configuration, and that nothing in it gets out of its string."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hokku.build import bundle
from tests.integration.buildpack_stand import PATH, Stand, detects
from tests.integration.loopback import free_port

SITE = bundle.DIRECTORY / "static" / "lib" / "site.py"
HOSTILE = st.text(alphabet=st.sampled_from("ab/\"\\$};#' *@~^()[]%é"), max_size=20)
ROUTE = st.text(alphabet=st.sampled_from("ab/${};#' *.@~^()[]%é"), max_size=20)  # others are refused


@pytest.fixture
def stand(tmp_path):
    return Stand(tmp_path, "static")


def tokens(text: str) -> list[str]:
    """The words of a configuration, as nginx reads them: quotes, backslashes, comments."""
    found = re.findall(
        r'#[^\n]*|"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|((?:\$\{|[^\s;{}"\'])(?:\$\{\w*\}|[^\s;{}])*)|([;{}])',
        text,
    )
    return [re.sub(r'\\(["\'\\])', r"\1", double or single) if double or single else bare or mark or ""
            for double, single, bare, mark in found]  # fmt: skip


@pytest.mark.parametrize(
    ("files", "found"),
    [({"static.json": "{}"}, True), ({"index.html": ""}, True), ({"about.html": ""}, False), ({"a.php": ""}, False)],
)
def test_a_site_is_static_by_static_json_or_index_html(tmp_path, files, found):
    assert detects("static", tmp_path / "app", files) is found


def test_an_index_is_enough_and_nginx_is_the_web_process(stand):
    assert stand.build({"index.html": "hello"}) == 0, stand.said
    assert stand.declared == "---\ndefault_process_types:\n  web: .heroku/static/boot\n"
    assert stand.repeatable
    assert not (stand.work / "once").exists()
    made = (stand.app / ".heroku/static/nginx.conf").read_text()
    assert "listen @PORT@;" in made
    assert "location = /Procfile" in made


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("[", "static.json is not valid JSON"),
        ("[]", "has to be one object"),
        ({"root": "../etc"}, "leads out of the app"),
        ({"root": "none"}, "there is no such directory"),
        ({"root": 1}, "root in static.json has to be a str"),
        ({"basic_auth": True}, "basic_auth of static.json is not there"),
        ({"proxies": {"/api/": {"origin": "https://example.com"}}}, "proxies of static.json is not there"),
        ({"routes": {"no": "index.html"}}, "is a path from the root"),
        ({"routes": {"/a": "../../etc/passwd"}}, "leads out of the app"),
        ({"headers": {"/": {"X: y": "z"}}}, "a name that no header can have"),
        ({"headers": {"/": {"X": "a\nSet-Cookie: b"}}}, "a character that cannot stand there"),
        ({"redirects": {"/a": {"url": "${HOST}/x"}}}, "a config var in it"),
        ({"redirects": {"/a": {"url": "/b", "status": 200}}}, "a status that is no redirect"),
        ({"canonical_host": "a; }"}, "is a host's name"),
        ({"logging": {"error": "x;"}}, "logging.error in static.json is one of"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(stand, said, words):
    text = said if isinstance(said, str) else json.dumps(said)
    assert stand.build({"static.json": text, "index.html": ""}) == 1, stand.said
    assert words in stand.said, stand.said


@settings(max_examples=25, deadline=None)
@given(target=HOSTILE, url=HOSTILE, value=HOSTILE, route=ROUTE)
def test_no_string_of_static_json_gets_out_of_its_place(tmp_path_factory, target, url, value, route):
    app = tmp_path_factory.mktemp("site")

    def words(target: str, url: str, value: str, route: str) -> list[str] | None:
        said = {"routes": {f"/{route}": f"x{target}x"}, "redirects": {f"/r{route}": f"/{url}x"},
                "headers": {f"/h{route}": {"X-Y": f"{value}x"}}}  # fmt: skip
        (app / "static.json").write_text(json.dumps(said))
        argv = [sys.executable, "-I", "-B", SITE, app, app / "nginx.conf"]
        done = subprocess.run(argv, capture_output=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        return tokens((app / "nginx.conf").read_text()) if done.returncode == 0 else None

    plain = words("", "", "", "")
    hostile = words(target, url, value, route)
    assert hostile is not None
    assert len(hostile) == len(plain)
    assert sum(one != other for one, other in zip(hostile, plain, strict=True)) <= 6
    dollars = value.replace("$", "${hokku_dollar}")
    assert f"{dollars}x" in hostile


@pytest.mark.skipif(not shutil.which("nginx", path=PATH), reason="nginx is not on this computer; dynos have it")
def test_nginx_serves_what_static_json_says(stand):
    said = {
        "root": "public", "clean_urls": True, "error_page": "404.html", "routes": {"/app/**": "app.html"},
        "redirects": {"/old": {"url": "/about?x=$1", "status": 302}}, "headers": {"/**": {"X-Odd": 'a "b" \\ $host'}},
    }  # fmt: skip
    pages = {f"public/{name}.html": name for name in ("index", "about", "app", "404")} | {"public/.secret": "s"}
    assert stand.build({"static.json": json.dumps(said)} | pages) == 0, stand.said
    port = free_port()
    process = subprocess.Popen([stand.app / ".heroku/static/boot"], env={"PATH": PATH, "PORT": str(port)})
    try:
        assert answer(port, "/") == (200, "index", 'a "b" \\ $host')
        assert answer(port, "/about")[:2] == (200, "about")
        assert answer(port, "/old")[:2] == (200, "about")
        assert answer(port, "/app/any/where")[:2] == (200, "app")
        assert answer(port, "/.secret")[:2] == answer(port, "/none")[:2] == (404, "404")
    finally:
        process.terminate()
        process.wait(10)


def answer(port: int, path: str) -> tuple[int, str, str | None]:
    """Status, body and header X-Odd; a server that does not listen yet is waited for."""
    until = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as got:
                return got.status, got.read().decode(), got.headers["X-Odd"]
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers["X-Odd"]
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise


@pytest.mark.parametrize("port", ["", "80;", "8080\n"])
def test_a_port_that_is_none_starts_nothing(stand, port):
    assert stand.build({"index.html": ""}) == 0, stand.said
    words = [stand.app / ".heroku/static/boot"]
    done = subprocess.run(words, env={"PATH": PATH, "PORT": port}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is" in done.stderr
    assert "not the number of a port" in done.stderr
