"""Buildpacks of other people's kinds by git URL: packages of the distribution, and a Procfile by config var."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from buildpack_server import make, serve
from platform_client import App
from sources import web
from test_builds import choose, in_order

# Packages are fetched into the cache, unpacked below the app, and put on the path for later buildpacks and for dynos.
PACKAGES = {
    "detect": '[ -f "$1/Packages" ] && echo "Packages"',
    "compile": """set -eo pipefail
BUILD_DIR=$1 CACHE_DIR=$2
BP_DIR=$(cd "$(dirname "$0")/.." && pwd)
KEPT="$CACHE_DIR/packages"
[ "$(cat "$KEPT/STACK" 2>/dev/null)" = "$STACK" ] || rm -rf "$KEPT"
mkdir -p "$KEPT/archives" "$KEPT/state/lists/partial" "$KEPT/apt/archives/partial" "$BUILD_DIR/.packages"
echo "$STACK" >"$KEPT/STACK"
if ls "$KEPT"/archives/*.deb >/dev/null 2>&1; then
  echo "       Using the packages in the cache"
else
  OPTIONS=(-o dir::cache="$KEPT/apt" -o dir::state="$KEPT/state" -o debug::nolocking=true)
  apt-get "${OPTIONS[@]}" update 2>&1 | sed -u 's/^/       /'
  (cd "$KEPT/archives" && apt-get "${OPTIONS[@]}" download $(cat "$BUILD_DIR/Packages")) 2>&1 | sed -u 's/^/       /'
  rm -rf "$KEPT/apt" "$KEPT/state"
fi
for DEB in "$KEPT"/archives/*.deb; do
  echo "-----> Installing $(basename "$DEB")"
  dpkg -x "$DEB" "$BUILD_DIR/.packages"
done
mkdir -p "$BUILD_DIR/.profile.d"
echo 'export PATH="$HOME/.packages/usr/bin:$PATH"' >"$BUILD_DIR/.profile.d/000_packages.sh"
echo "export PATH=\\"$BUILD_DIR/.packages/usr/bin:\\$PATH\\"" >"$BP_DIR/export"
""",
    "release": "echo '---'",
}
CHOSEN = {
    "detect": "echo Chosen Procfile",
    "compile": """[ -s "$3/PROCFILE" ] || { echo "       PROCFILE is not set"; exit 1; }
cp "$1/$(cat "$3/PROCFILE")" "$1/Procfile"
tree --version | sed -u 's/^/       with /'
""",
    "release": "echo '--- {}'",
}


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("foreign")
    make(directory, "packages", PACKAGES)
    make(directory, "chosen", CHOSEN)
    with serve(directory) as url:
        yield url


def test_two_foreign_buildpacks_run_before_herokus_and_their_work_reaches_the_dyno(
    new_app: Callable[..., App], packs: str
) -> None:
    app = new_app()
    app.call("PATCH", "/config-vars", {"PROCFILE": "deploy/Procfile"}, 200)
    choose(app, f"{packs}/packages.git", f"{packs}/chosen.git#v1", "heroku/python")
    files = web("foreign")
    files["deploy/Procfile"] = files.pop("Procfile")
    files["Packages"] = "tree\n"
    files["server.py"] = files["server.py"].replace(
        'body = "\\n".join(f"{k}={v}" for k, v in sorted(os.environ.items()))',
        'import subprocess; body = subprocess.run(["tree", "--version"], capture_output=True, text=True).stdout',
    )
    repository = app.repository(files)
    pushed = app.push(repository)
    assert pushed.accepted, pushed.output
    assert in_order(
        pushed.output, "1. ", "-----> Packages app detected", "-----> Installing tree_", "Chosen Procfile app detected",
        "with tree v", "-----> Python app detected", "Procfile declares types -> web",
    ), pushed.output  # fmt: skip
    assert app.get("/env").body.startswith("tree v")
    app.commit(repository, {"CHANGED": "yes"})
    again = app.push(repository)
    assert again.accepted, again.output
    assert "Using the packages in the cache" in again.output, again.output
