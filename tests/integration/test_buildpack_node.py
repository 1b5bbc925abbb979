"""heroku/nodejs on small apps: versions, npm, Yarn, pnpm, scripts, pruning, the cache. Packages come from npm."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import re
import subprocess
import threading
from pathlib import Path

import pytest

from tests.integration.buildpack_stand import PATH, Stand, detects
from tests.integration.toolchain_stand import for_dynos

LOCKS = Path(__file__).parent / "node_locks"
PACKAGE = {
    "name": "x",
    "version": "1.0.0",
    "license": "MIT",
    "scripts": {"start": "node server.js", "build": "node -p \"'built with ' + require('is-number')(5)\""},
    "dependencies": {"ms": "2.1.3"},
    "devDependencies": {"is-number": "7.0.0"},
}
MODULES = {
    "": {"name": "x", "version": "1.0.0", "dependencies": {"ms": "2.1.3"}, "devDependencies": {"is-number": "7.0.0"}},
    "node_modules/ms": {"version": "2.1.3"},
    "node_modules/is-number": {"version": "7.0.0", "dev": True},
}
LOCK = json.dumps({"name": "x", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": MODULES})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("node")


@pytest.fixture
def stand(place):
    """npm itself is fetched once for all tests; nothing else of a cache is left of another one."""
    made = Stand(place, "nodejs")
    for left in (made.work / "cache" / "node").glob("[!t.]*"):
        subprocess.run(["rm", "-rf", left], check=True)
    return made


def package(**more: object) -> str:
    return json.dumps(PACKAGE | more)


def modules(stand: Stand) -> set[str]:
    return {path.name for path in (stand.app / "node_modules").iterdir() if not path.name.startswith(".")}


def tree(stand: Stand) -> dict[str, bytes]:
    """Every file of the slug and what is in it."""
    files = (path for path in stand.app.rglob("*") if path.is_file())
    return {str(path.relative_to(stand.app)): path.read_bytes() for path in files}


def test_an_app_is_nodes_by_its_package_json(tmp_path):
    assert detects("nodejs", tmp_path / "with", {"package.json": "{}"})
    assert not detects("nodejs", tmp_path / "without", {"server.js": ""})


def test_npm_builds_prunes_and_makes_the_same_slug_from_its_cache(stand):
    files = {"package.json": package(), "package-lock.json": LOCK}
    assert stand.build(files, {"kept": "/nowhere", "home": "/nowhere"}) == 0, stand.said
    for part in ("Installing node modules (npm ci)", "built with true", "npm prune", "NODE_ENV=production"):
        assert part in stand.said, stand.said
    assert modules(stand) == {"ms"}
    assert stand.declared == "---\ndefault_process_types:\n  web: npm start\n"
    assert stand.run("npm", "--version").startswith("10.")
    first = tree(stand)
    assert stand.build(files, {"kept": "/nowhere", "home": "/nowhere"}) == 0, stand.said
    assert "Using the modules of the last build" in stand.said
    assert "built with true" in stand.said
    assert tree(stand) == first
    assert not stand.repeatable, "its build script is its own"
    known = json.loads(files["package.json"])
    known["scripts"] = {"build": "mkdir -p dist && cp package.json dist/", "start": "node x.js"}
    assert stand.build(files | {"package.json": json.dumps(known)}) == 0, stand.said
    assert stand.repeatable
    assert stand.build(files | {"Procfile": "web: node x.js\n"}, {"NPM_CONFIG_PRODUCTION": "false"}) == 0, stand.said
    assert "Skipping because NPM_CONFIG_PRODUCTION is 'false'" in stand.said
    assert modules(stand) == {"ms", "is-number"}
    assert stand.declared == "---\ndefault_process_types: {}\n"


def test_scripts_have_the_apps_options_and_no_ci_that_nobody_set(stand):
    scripts = {"build": "echo CI=$CI- OPTIONS=$NODE_OPTIONS", "postinstall": "echo installed with CI=$CI"}
    files = {"package.json": package(scripts=scripts), "package-lock.json": LOCK}
    assert stand.build(files) == 0, stand.said
    assert re.search(r"CI=- OPTIONS=--max_old_space_size=\d{3,}", stand.said), stand.said
    assert stand.build(files, {"NODE_OPTIONS": "--max-old-space-size=700", "CI": "1"}) == 0, stand.said
    assert "CI=1- OPTIONS=--max-old-space-size=700" in stand.said


def test_what_dynos_run_first_does_not_stop_the_installation_of_it(stand):
    files = {
        "package.json": package(scripts={"build": "node -p 1"}),
        "package-lock.json": LOCK,
        "first.js": "console.log('first', require('ms')('1s'))",
    }
    assert stand.build(files, {"NODE_OPTIONS": "--require ./first.js"}) == 0, stand.said
    assert "first 1000" in stand.said
    assert not stand.repeatable, "what runs first may do anything"


def test_modules_are_kept_for_the_image_that_they_were_compiled_on(stand, tmp_path, monkeypatch):
    monkeypatch.setenv("HOKKU_PACKAGES", str(tmp_path / "status"))
    files = {"package.json": package(), "package-lock.json": LOCK}
    for packages, words in (("libc 1", "npm ci"), ("libc 1", "modules of the last build"), ("libc 2", "npm ci")):
        (tmp_path / "status").write_text(packages)
        assert stand.build(files) == 0, stand.said
        assert words in stand.said


@pytest.mark.parametrize("manager", ["yarn", "berry", "pnpm"])
def test_the_other_package_managers_build_and_prune_twice(stand, manager):
    files = {path.name: path.read_text() for path in (LOCKS / manager).iterdir()}
    for _ in range(2):
        assert stand.build(files) == 0, stand.said
        assert "built with true" in stand.said, stand.said
        assert modules(stand) == {"ms"}, stand.said
    assert "Using the modules of the last build" in stand.said


def test_plug_and_play_builds_prunes_and_serves_without_node_modules(stand):
    files = {path.name: path.read_text() for path in (LOCKS / "berry").iterdir()}
    files |= {".yarnrc.yml": "nodeLinker: pnp\n", "server.js": "console.log(require('ms')('2 days'))\n"}
    files["package.json"] = files["package.json"].replace("node -p", "yarn node -p")
    first = {}
    for turn in range(2):
        assert stand.build(files) == 0, stand.said
        assert "built with true" in stand.said, stand.said
        assert ("packages were added to the project (+" in stand.said) is (turn == 0), "fetched once"
        assert not (stand.app / "node_modules").exists()
        assert {path.name.split("-npm-")[0] for path in (stand.app / ".yarn/cache").glob("*.zip")} == {"ms"}
        assert stand.declared == "---\ndefault_process_types:\n  web: yarn start\n"
        assert "172800000" in stand.run("yarn", "start")
        first = first or tree(stand)
        assert tree(stand) == first


def test_herokus_scripts_run_in_their_order_and_postbuild_goes_over_build(stand):
    scripts = {
        "heroku-prebuild": "echo first $NODE_ENV",
        "build": "echo never",
        "heroku-postbuild": "echo second",
        "heroku-cleanup": "echo third",
    }
    assert stand.build({"package.json": json.dumps({"name": "x", "scripts": scripts})}) == 0, stand.said
    said = [line.strip() for line in stand.said.splitlines()]
    assert [line for line in said if line in ("first production", "second", "third", "never")] == [
        "first production", "second", "third",
    ]  # fmt: skip
    assert "may not specify any way to start" in stand.said


def test_modules_of_an_app_with_its_own_install_scripts_are_installed_each_time(stand):
    files = {"package.json": package(scripts={"postinstall": "node -p 6*7 >made"}), "package-lock.json": LOCK}
    for _ in range(2):
        assert stand.build(files) == 0, stand.said
        assert (stand.app / "made").read_text() == "42\n"


def test_modules_that_are_checked_in_are_rebuilt(stand):
    files = {"package.json": '{"name": "x"}', "node_modules/own/package.json": '{"name": "own", "version": "1.0.0"}'}
    assert stand.build(files) == 0, stand.said
    assert "Prebuild detected" in stand.said


@pytest.mark.parametrize(("asked", "holds"), [("22.12.0", ""), ("22.12.x", "day\n")])
def test_another_node_than_the_stacks_comes_from_the_registry(stand, asked, holds):
    lock = '{"name": "x", "lockfileVersion": 3, "packages": {"": {"name": "x"}}}'
    files = {"package.json": json.dumps({"name": "x", "engines": {"node": asked}}), "package-lock.json": lock}
    assert stand.build(files) == 0, stand.said
    assert f"Using Node.js 22.12.0 of the registry, for {asked}" in stand.said
    assert stand.run("node", "--version") == "v22.12.0\n"
    said = (stand.work / "packs/0/repeatable").read_text()
    assert said == holds, "a newer one may be in the registry tomorrow"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"package.json": "{", "x": ""}, ["package.json is not valid JSON"]),
        (
            {"package.json": package(), "package-lock.json": LOCK, "yarn.lock": ""},
            ["Multiple lockfiles found", "(npm Yarn)"],
        ),
        (
            {"package.json": package(), "package-lock.json": LOCK, "npm-shrinkwrap.json": LOCK},
            ["npm-shrinkwrap.json is"],
        ),
        ({"package.json": package(packageManager="pnpm@9.0.0")}, ["says pnpm", "lockfile is not there"]),
        ({"package.json": package(engines={"node": "$(id)"})}, ["is no version or range: $(id)"]),
        ({"package.json": package(engines={"node": "^99"})}, ["18 on debian-12, 20 on debian-13", "^99"]),
        ({"package.json": package(engines={"npm": "99.x"})}, ["npm 99.x, as package.json asks, is not in"]),
        ({"package.json": package(), "package-lock.json": "{}"}, ["Unable to install dependencies using npm"]),
        ({"package.json": '{"scripts": {"build": "exit 3"}}'}, ["The script build of package.json failed"]),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_remedy(stand, files, words):
    assert stand.build(files) == 1, stand.said
    for word in words:
        assert word in stand.said, stand.said


@pytest.fixture
def forger():
    """The URL of a registry whose npm is not what its checksum says."""
    honest = "sha512-" + base64.b64encode(hashlib.sha512(b"npm").digest()).decode()

    class Forger(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            dist = {"tarball": f"{url}/npm.tgz", "integrity": honest}
            versions = {name: {"dist": dist} for name in ("10.9.9", "11.21.2")}
            body = b"forged" if self.path.endswith(".tgz") else json.dumps({"versions": versions}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forger)
    url = f"http://me:hunter2@127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield url
    server.shutdown()
    server.server_close()


def test_what_is_not_as_its_checksum_says_is_not_used(tmp_path, forger):
    stand = Stand(tmp_path, "nodejs")
    assert stand.build({"package.json": package()}, {"NPM_CONFIG_REGISTRY": forger}) == 1
    assert "is not what its checksum says" in stand.said, stand.said
    assert "hunter2" not in stand.said
    assert not list((stand.work / "cache/node/tools").glob("*/complete"))


@pytest.mark.parametrize(
    ("config", "concurrency"),
    [({}, "2"), ({"WEB_MEMORY": "256"}, "4"), ({"WEB_CONCURRENCY": "7"}, "7"), ({"MEMORY_AVAILABLE": "1536"}, "3")],
)
def test_dynos_are_told_how_many_processes_fit(config, concurrency):
    env = {"PATH": PATH, "DYNO_RAM": "1024"} | config
    words = ["bash", "-c", for_dynos("nodejs/lib/profile.sh") + 'echo "$WEB_CONCURRENCY $NODE_ENV"']
    done = subprocess.run(words, env=env, check=True, capture_output=True, text=True)
    assert done.stdout == f"{concurrency} production\n"


@pytest.mark.parametrize(("config", "by"), [({}, "heroku/nodejs"), ({"WEB_CONCURRENCY": "7"}, "")])
def test_who_counted_the_processes_is_told_to_servers_of_other_languages(config, by):
    script = for_dynos("nodejs/lib/profile.sh") + 'echo "${WEB_CONCURRENCY_SET_BY:-}"'
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": PATH} | config, check=True, capture_output=True, text=True
    )
    assert done.stdout == f"{by}\n"
