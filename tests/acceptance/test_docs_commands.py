"""Commands of README.md, docs/tutorial.md and docs/how-to/ are run as a reader types them, and answer what is shown."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import docs_pages
import docs_shell
import pytest
from docs_pages import Command, Content, Page
from lab_fixtures import lab_environment
from official_cli import HerokuCli
from platform_client import ROOT, Platform

LONGEST = 300.0  # seconds that a command may take; a push on a busy computer
RUN = [path for path in docs_pages.pages() if docs_pages.read(path).commands]


@pytest.fixture(scope="module", autouse=True)
def told(request: pytest.FixtureRequest) -> Iterator[None]:
    """At the end it is told what no page runs, and why."""
    yield
    left = [(path, block) for path in docs_pages.pages() for block in docs_pages.read(path).left]
    run = sum(len(docs_pages.read(path).commands) for path in docs_pages.pages())
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(
            f"\nThe docs show {run} commands that are run, and {sum(block.commands for _, block in left)} that are not:"
        )
        for path, block in left:
            print(f"  {path.relative_to(ROOT)}:{block.line}, {block.commands}: {block.reason}")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The project as a clone has it after `make up`, with what is changed here and not committed yet."""
    to = tmp_path / "hokku"
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    to.mkdir()
    there = [name for name in files.split(b"\0") if name and (ROOT / name.decode()).exists()]
    packed = subprocess.run(
        ["tar", "-c", "--null", "-T", "-"], cwd=ROOT, input=b"\0".join(there), capture_output=True, check=True
    )
    subprocess.run(["tar", "-x"], cwd=to, input=packed.stdout, check=True)
    (to / ".venv").symlink_to(ROOT / ".venv")
    return to


@pytest.fixture
def page(request: pytest.FixtureRequest, platform: Platform) -> Iterator[Page]:
    """The page with names of apps that nobody else uses; the apps are destroyed afterwards. Its accounts are there."""
    found = docs_pages.read(request.param, str(request.param.relative_to(ROOT))).named(f"-{uuid.uuid4().hex[:6]}")
    for email in found.accounts:
        made = platform.call("POST", "/accounts", {"email": email, "password": uuid.uuid4().hex})
        assert made.status_code in (201, 422), made.text  # 422: an earlier run made it; accounts cannot be removed
    yield found
    for app in found.apps:
        platform.call("DELETE", f"/apps/{app}")


@pytest.mark.parametrize("page", RUN, indirect=True, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_of_a_page_answer_what_it_shows(
    page: Page, platform: Platform, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {name: value for name, value in platform.git_environment().items() if name.startswith(("GIT_A", "GIT_C"))}
    names.pop("GIT_CONFIG_GLOBAL")
    environment = HerokuCli.installed("v11", tmp_path / "home", names | lab_environment()).environment
    began = time.monotonic()
    transcript: list[str] = []
    with docs_shell.opened(tree, tmp_path / "steps", environment) as shell:
        for step in page.steps:
            if isinstance(step, Command):
                _answers(page, step, shell, transcript)
            elif isinstance(step, Content):
                target = shell.directory / step.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(step.text)
    with capsys.disabled():
        print(f"\n{page.path}: {len(page.commands)} commands run in {time.monotonic() - began:.0f} s")


def _answers(page: Page, command: Command, shell: docs_shell.Shell, transcript: list[str]) -> None:
    """Run `command`, again for as long as it says, and fail with all that was printed when it is not as shown."""
    deadline = time.monotonic() + command.seconds
    transcript.append(f"$ {command.text}")
    shown = (*command.output, docs_pages.ANYTHING) if command.interrupted else command.output
    until = (lambda printed: docs_pages.differs(shown, printed) is None) if command.interrupted else None
    while True:
        ran = shell.run(command.text, LONGEST, until)
        missing = docs_pages.differs(shown, ran.printed)
        as_said = command.interrupted or ran.code == command.code
        if ran.code is None or (missing is None and as_said) or time.monotonic() >= deadline:
            break
        time.sleep(0.5)
    transcript.append(f"{ran.printed.rstrip()}\n[exit {ran.code}]")
    where = f"{page.path}:{command.line}"
    told = "\n".join(transcript)
    if ran.code is None:
        pytest.fail(f"{where}: not over within {LONGEST:.0f} s\n{told}", pytrace=False)
    if not as_said:
        pytest.fail(f"{where}: exit {ran.code}, where {command.code} is promised\n{told}", pytrace=False)
    if missing is not None:
        pytest.fail(f"{where}: this line was not printed there: {missing!r}\n{told}", pytrace=False)
