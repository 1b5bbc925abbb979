"""`hokku heroku`: Heroku's own CLI, unchanged, against a platform with a CA of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import uuid
from pathlib import Path

import pytest

from hokku.build import cache
from hokku.logplex import emit
from hokku.settings import settings
from hokku.store import builds
from hokku.store.engine import session
from hokku.store.tables import BuildStatus
from tests.integration.conftest import ADMIN, PASSWORD
from tests.integration.loopback import wait_for
from tests.integration.toolbelt_stand import Screen, another_ca, official_cli, place


@pytest.fixture(scope="module")
def platform_place(api, workdir):
    with place(workdir) as made:
        yield made


@pytest.fixture(scope="module", params=["v11", "v8"])
def user(request, platform_place):
    """A logged-in user's computer, with each major version of the CLI."""
    made = platform_place.logged_in(official_cli(request.param))
    made.version = request.param
    return made


@pytest.fixture
def modern(platform_place):
    """One that has the current CLI."""
    return platform_place.logged_in(official_cli("v11"))


def stored_token(computer, place):
    kept = json.loads((computer.home / ".config/hokku/platforms.json").read_text())
    return kept["platforms"][place.url]["token"]


def test_a_day_with_the_cli(user, platform_place):
    """Apps, config, releases, a remote, a push by plain git, and logs: each through the listener."""
    app = f"day-{user.version}"
    assert user.heroku("whoami").out == f"{ADMIN}\n"
    where = platform_place.stand.repository({"Procfile": "web: true\n"})
    made = user.heroku("create", app, cwd=where)
    assert made.code == 0, made.all
    assert f"{platform_place.url}/{app}.git" in made.out
    remotes = user.run("git", "remote", "-v", cwd=where).out
    assert f"heroku\t{platform_place.url}/{app}.git (fetch)" in remotes
    said = user.heroku("config:set", "GREETING=héllo", cwd=where)  # the app is found by its remote
    assert said.code == 0, said.all
    assert user.heroku("config:get", "GREETING", cwd=where).out == "héllo\n"
    pushed = user.run("git", "push", "heroku", "main", cwd=where)
    assert pushed.code == 0, pushed.all
    assert "v3" in user.heroku("releases", cwd=where).out
    lines = user.heroku("logs", "-n", "50", cwd=where)
    assert lines.code == 0, lines.all
    assert "Set GREETING config vars by user" in lines.out
    cloned = user.heroku("git:clone", "-a", app, "elsewhere")
    assert cloned.code == 0, cloned.all


def test_an_answer_without_urls_passes_byte_for_byte_with_its_headers(modern, platform_place):
    """The CLI shows what it got: compared with what the API says when it is asked directly."""
    app = platform_place.stand.app("toolbelt-bytes")
    modern.more["HEROKU_DEBUG"] = "1"
    modern.more["HEROKU_DEBUG_HEADERS"] = "1"
    said = modern.heroku("config", "-a", app).all.lower()
    direct = platform_place.stand.client.get(f"/apps/{app}/config-vars")
    assert direct.headers["etag"].strip('"') in said
    assert re.search(r"request-id'?: '?[0-9a-f-]{36}", said)
    assert "ratelimit-remaining" in said


def test_logs_are_followed_until_the_user_has_enough(modern, platform_place):
    """^C on the terminal ends the CLI, as it does without us, and the listener with it."""
    app = platform_place.stand.app("toolbelt-tail")
    app_id = platform_place.stand.client.get(f"/apps/{app}").json()["id"]
    with modern.terminal("hokku", "heroku", "logs", "--tail", "-a", app) as (process, terminal):
        seen = Screen(terminal)
        seen.wait_for("Release v2 created", 30)
        emit.emit(app_id, "a line of now", process="web.1")
        seen.wait_for("a line of now", 15)
        os.write(terminal, b"\x03")
        wait_for("it ended", lambda: process.poll() is not None, 15)
    assert process.returncode in (130, -signal.SIGINT), seen.text
    assert modern.left_over() == []


def test_a_source_goes_up_and_its_builds_output_comes_down_through_the_listener(modern, platform_place, tmp_path):
    """What the plugin heroku-builds does, in the CLI's own node: the URLs it is given are the listener's."""
    app = platform_place.stand.app("toolbelt-builds")
    platform_place.stand.script = talk
    program = tmp_path / "heroku"
    program.write_text(BUILDS)
    program.chmod(0o755)
    modern.cli = program
    (tmp_path / "source.tgz").write_bytes(os.urandom(3_000_000))
    said = modern.heroku(app, tmp_path / "source.tgz")
    assert said.code == 0, said.all
    told = json.loads(said.out)
    for name in ("put", "output"):
        assert told[name].startswith("http://127.0.0.1:"), told
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[A-Za-z0-9_-]{43}", told[name]), told
    assert (told["text"], told["stranger"]) == ("-----> first\n-----> last\n", 403)
    stored = sorted(Path(settings().sources_dir).glob("*.tar.gz"), key=os.path.getmtime)[-1]
    assert stored.read_bytes() == (tmp_path / "source.tgz").read_bytes()


def test_the_plugin_heroku_builds_purges_the_cache(platform_place):
    """The plugin itself, in the CLI that still takes it."""
    cli = official_cli("v8")
    computer = platform_place.logged_in(cli)
    plugin = {"type": "link", "name": "heroku-builds", "root": str(cli.parents[1] / "heroku-builds")}
    (data := computer.home / ".local/share/heroku").mkdir(parents=True, exist_ok=True)
    (data / "package.json").write_text(json.dumps({"private": True, "oclif": {"schema": 1, "plugins": [plugin]}}))
    app = platform_place.stand.app("toolbelt-cache")
    app_id = uuid.UUID(platform_place.stand.client.get(f"/apps/{app}").json()["id"])
    for stack in ("debian-12", "debian-13"):
        cache.keep(app_id, stack, [b"kept"])
    wrong = computer.heroku("builds:cache:purge", "-a", app, "--confirm", "another")
    assert wrong.code != 0
    assert cache.find(app_id, "debian-13"), wrong.all
    said = computer.heroku("builds:cache:purge", "-a", app, "--confirm", app)
    assert said.code == 0, said.all
    assert "Purging build cache for" in said.all
    assert [cache.find(app_id, stack) for stack in ("debian-12", "debian-13")] == [None, None]


def talk(build_id):
    for line in ("-----> first\n", "-----> last\n"):
        with session() as opened:
            builds.append_output(opened, build_id, line)
    return BuildStatus.SUCCEEDED


BUILDS = """#!/usr/bin/env node
const fs = require('node:fs');
const [app, file] = process.argv.slice(2), api = process.env.HEROKU_HOST;
const headers = {authorization: `Bearer ${process.env.HEROKU_API_KEY}`, 'content-type': 'application/json'};
const post = async (path, body) =>
  (await fetch(api + path, {method: 'POST', body: JSON.stringify(body), headers})).json();
(async () => {
  const {source_blob: blob} = await post('/sources', {});
  await fetch(blob.put_url, {method: 'PUT', body: fs.readFileSync(file)});
  const build = await post(`/apps/${app}/builds`, {source_blob: {url: blob.get_url, version: 'v'}});
  const text = await (await fetch(build.output_stream_url)).text();
  const stranger = (await fetch(api + '/account', {headers: {authorization: 'Bearer HOKKU-guess'}})).status;
  console.log(JSON.stringify({put: blob.put_url, output: build.output_stream_url, text, stranger}));
})();
"""


def test_another_user_of_the_computer_gets_nothing_from_the_listener(modern, platform_place, tmp_path):
    """Neither without a token nor with a wrong one, nor at a URL that was given to the CLI, but for its secret."""
    program = tmp_path / "heroku"
    program.write_text("#!/bin/sh\necho $HEROKU_HOST; echo $HEROKU_API_KEY; exec sleep 30\n")
    program.chmod(0o755)
    modern.cli = program
    process = subprocess.Popen(
        ["hokku", "heroku", "x"], env=modern.environment(), cwd=modern.home, stdout=subprocess.PIPE, text=True
    )
    try:
        url, key = process.stdout.readline().strip(), process.stdout.readline().strip()
        real = stored_token(modern, platform_place)
        assert key != real

        def status(path, *words):
            done = subprocess.run(
                ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", *words, url + path],
                text=True, capture_output=True, check=True, timeout=20,
            )  # fmt: skip
            return int(done.stdout)

        assert status("/account", "-H", f"Authorization: Bearer {key}") == 200
        assert status("/account", "-u", f"anyone:{key}") == 200  # as older CLIs send it
        for words in ((), ("-H", "Authorization: Bearer HOKKU-run-x"), ("-u", f"{ADMIN}:{PASSWORD}")):
            assert status("/account", *words) == 403
            assert status("/oauth/authorizations", "-X", "POST", *words) == 403
            assert status(f"/{'A' * 43}", *words) == 403
        answer = platform_place.stand.client.get("/account", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 401  # what the CLI holds is worth nothing at the platform
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM  # it reached the CLI, and ended it
    finally:
        process.kill()
        process.wait()
    assert modern.left_over() == []


def test_the_platforms_certificate_is_verified_on_every_run(modern, tmp_path, platform_place):
    """Somebody else answers at the platform's address: nothing is sent to them."""
    kept = next((modern.home / ".config/hokku").glob("ca-*.crt"))
    kept.write_text(another_ca(tmp_path / "ca").read_text())
    said = modern.heroku("whoami")
    assert said.code != 0
    assert "is not trusted here" in " ".join(said.err.replace("›", " ").split())


def test_the_command_ends_as_the_cli_ends(modern, tmp_path):
    """Its exit status, its signal, its arguments as they are."""
    program = tmp_path / "heroku"
    modern.cli = program

    def ends(script, *words, stdin=""):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return modern.heroku(*words, stdin=stdin)

    assert ends("exit 7", "x").code == 7
    assert ends("kill -9 $$", "x").code == -9
    assert ends("kill -15 $$", "x").code == -15
    words = ("--help", "-a", "x y", "--", "--platform", "$HOME", "")
    assert ends('for word; do printf "%s\\n" "$word"; done', *words).out == "".join(f"{word}\n" for word in words)
    assert ends("cat", "x", stdin="piped\n").out == "piped\n"
    program.write_text("#!/bin/sh\nkill -HUP $PPID; kill -HUP $$; echo survived\n")
    assert modern.run("nohup", "hokku", "heroku", "x").out == "survived\n"


def test_login_and_logout_of_the_cli_are_the_users_login_here(user, platform_place):
    """Its token is kept with ours and leaves nothing in .netrc; `logout` takes it back at the platform."""
    before = stored_token(user, platform_place)
    assert user.heroku("logout").code == 0
    client = platform_place.stand.client
    assert client.get("/account", headers={"Authorization": f"Bearer {before}"}).status_code == 401
    assert stored_token(user, platform_place) is None
    said = user.heroku("whoami")
    assert said.code != 0
    assert "hokku login" in said.err
    with user.terminal("hokku", "heroku", "login", "-i") as (process, terminal):
        seen = Screen(terminal)
        seen.wait_for("Email", 30)
        seen.type(ADMIN, by_key=user.version == "v11")
        seen.wait_for("Password", 15)
        seen.type(PASSWORD, shown="*" * len(PASSWORD) if user.version == "v8" else "masked")
        seen.wait_for("Logged in as", 30)
        seen.until_ended(process, 15)
    assert process.returncode == 0, seen.text
    token = stored_token(user, platform_place)
    assert token not in (None, before)
    assert client.get("/account", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert user.heroku("whoami").out == f"{ADMIN}\n"
    assert not (user.home / ".netrc").exists()
    assert user.heroku("auth:token").out == f"{token}\n"
    assert stat.S_IMODE((user.home / ".config/hokku/platforms.json").stat().st_mode) == 0o600
    settings_of_git = (user.home / ".gitconfig").read_text()
    assert "!hokku git-credentials" in settings_of_git
    assert "heroku git:credentials" not in settings_of_git


def test_what_is_missing_is_told_with_how_to_get_it(modern, tmp_path):
    """The CLI, node, a newer node; and a `heroku` that is a wrapper of ours is not taken for the CLI."""
    programs = tmp_path / "bin"
    programs.mkdir()
    python = Path(modern.run("which", "hokku").out.strip())
    (programs / "hokku").symlink_to(python)

    def heroku(cli=None):
        modern.more["PATH"] = str(programs)
        modern.more["HOKKU_HEROKU_CLI"] = str(cli or "")
        return modern.run(python, "heroku", "apps")

    def script(name, text):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    assert heroku().err == (
        " !    Heroku's CLI is not on the PATH. Install Node.js 20 or newer (https://nodejs.org) first. "
        "Get it with: npm install -g heroku\n"
    )
    script("heroku", '#!/bin/sh\nexec hokku heroku "$@"\n')
    assert "Heroku's CLI is not on the PATH." in heroku().err
    assert "needs Node.js, which is not on the PATH" in heroku(official_cli("v11")).err
    script("node", "#!/bin/sh\n[ \"$1\" = --version ] && echo v12.1.0 && exit 0\necho 'SyntaxError' >&2; exit 1\n")
    script("env", '#!/bin/sh\nexec "$@"\n')
    said = heroku(official_cli("v11"))
    assert said.code != 0
    assert "needs Node.js >=20, and the one on the PATH is v12.1.0" in said.err
