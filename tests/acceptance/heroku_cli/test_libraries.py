"""Other clients of Heroku's API end to end: heroku3 (PyPI) and heroku-client (npm)."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator

import heroku3
import heroku3.api
import heroku3.models.app
import pytest
import requests
from lab_fixtures import lab_environment
from official_cli import NODE
from platform_client import ROOT, App, Platform, wait_for
from sources import web

FILES = web("library", Procfile="web: python server.py\nworker: sh -c 'while sleep 1; do echo tick; done'\n")


@pytest.fixture
def name(platform: Platform) -> Iterator[str]:
    """A name for an app, which is destroyed after the test."""
    wanted = f"lib-{uuid.uuid4().hex[:8]}"
    yield wanted
    platform.call("DELETE", f"/apps/{wanted}")


def test_heroku3_lists_creates_scales_logs_and_runs(
    platform: Platform, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trusting(heroku3.models.app.Rendezvous):
        """It knows no CA but those that its package brings."""

        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)
            self.cert = platform.ca

    monkeypatch.setattr(heroku3.api, "HEROKU_URL", platform.api_url)  # a constant of the package
    monkeypatch.setattr(heroku3.models.app, "Rendezvous", Trusting)
    session = requests.Session()
    session.verify, session.trust_env = platform.ca, False
    heroku = heroku3.from_key(platform.token, session=session)
    made = heroku.create_app(name=name)
    assert made.name == name
    assert name in [app.name for app in heroku.apps()]
    App(platform, name).deploy(FILES)
    app = heroku.app(name)
    app.config()["FROG"] = "jumps"
    assert heroku.app(name).config()["FROG"] == "jumps"
    app.process_formation()["worker"].scale(1)
    App(platform, name).wait_dynos("worker", 1)
    assert {dyno.name for dyno in app.dynos()} >= {"web.1", "worker.1"}
    wait_for("a tick", lambda: "app[worker.1]: tick" in app.get_log(lines=200), 60)
    assert "library" in App(platform, name).get().body
    output, _ = app.run_command("echo frog $FROG", printout=False)
    assert "frog jumps" in output
    app.enable_maintenance_mode()
    assert App(platform, name).call("GET").json()["maintenance"] is True
    assert [r.version for r in app.releases()][-1] == App(platform, name).release()["version"]
    app.delete()
    assert platform.call("GET", f"/apps/{name}").status_code == 404


SCRIPT = """
const Heroku = require('heroku-client')
const tls = require('tls'), url = require('url')
const heroku = new Heroku({ host: process.env.HEROKU_HOST, token: process.env.HEROKU_API_KEY })
const [, , step, name] = process.argv
const run = async () => {
  if (step === 'create') {
    const app = await heroku.post('/apps', { body: { name } })
    const apps = await heroku.get('/apps')
    return { created: app.name, listed: apps.some(a => a.name === name) }
  }
  const path = `/apps/${name}`
  const formation = await heroku.patch(`${path}/formation`, { body: { updates: [{ type: 'worker', quantity: 1 }] } })
  const session = await heroku.post(`${path}/log-sessions`, { body: { lines: 50, tail: false } })
  const log = await (await fetch(session.logplex_url)).text()
  const dyno = await heroku.post(`${path}/dynos`, { body: { command: 'echo frog $((6 * 7))', attach: true } })
  const { hostname, port, pathname } = new url.URL(dyno.attach_url.replace('rendezvous:', 'https:'))
  const output = await new Promise((resolve, reject) => {
    let text = ''
    const hello = () => socket.write(pathname.slice(1) + '\\r\\n')
    const socket = tls.connect({ host: hostname, port, servername: hostname }, hello)
    socket.setEncoding('utf8').on('data', data => { text += data }).on('end', () => resolve(text)).on('error', reject)
  })
  const missing = await heroku.get('/apps/no-such-app-anywhere').catch(error => error.body.id)
  return { formation, log, output, missing }
}
run().then(found => console.log(JSON.stringify(found)), error => { console.error(error); process.exitCode = 1 })
"""


def test_heroku_client_lists_creates_scales_logs_and_runs(platform: Platform, name: str) -> None:
    def node(step: str) -> dict:
        done = subprocess.run(
            [str(NODE), "-", step, name], input=SCRIPT, text=True, capture_output=True, check=False, timeout=120,
            cwd=ROOT / ".cache" / "heroku_cli" / "v11", env={"PATH": "/usr/bin:/bin"} | lab_environment(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert node("create") == {"created": name, "listed": True}
    app = App(platform, name)
    app.deploy(FILES)
    found = node("use")
    assert {"type": "worker", "quantity": 1}.items() <= found["formation"][0].items()
    app.wait_dynos("worker", 1)
    assert "app[api]: Release v3 created" in found["log"]
    assert "frog 42" in found["output"]
    assert found["missing"] == "not_found"
