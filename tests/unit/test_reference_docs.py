"""The generated pages say what their sources say, and a page's own words outlive the generator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import pages, plugins, roles, text

ROOT = Path(__file__).parents[2]
SPEC = """
argument_specs:
  main:
    short_description: A thing
    options:
      thing_ports:
        type: list
        elements: int
        default: [80, 443]
        description: Where it listens, as V(80|443).
      thing_name:
        type: str
        required: true
        description: Its name.
"""


@pytest.fixture
def role(tmp_path: Path) -> roles.Role:
    folder = tmp_path / "thing" / "meta"
    folder.mkdir(parents=True)
    (folder / "argument_specs.yml").write_text(SPEC)
    return roles.read_all(tmp_path)[0]


def test_every_generated_page_is_what_its_source_says() -> None:
    assert [str(path.relative_to(ROOT)) for path in pages.stale(ROOT)] == [], "run `make docs`"


def test_the_command_says_so_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_role_has_words_of_its_own_above_the_table() -> None:
    for path in (ROOT / "roles").glob("*/README.md"):
        assert len(path.read_text().partition(roles.MARK)[0].split()) > 25, path


def test_every_module_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/modules.md").read_text()
    modules = [path.stem for path in (ROOT / "plugins/modules").glob("*.py")]
    assert [name for name in modules if f"\n## {name}\n" not in page] == []


def test_a_readme_keeps_its_own_words_and_gets_a_new_table(role: roles.Role) -> None:
    before = f"# thing\n\nWords.\n\n{roles.MARK}\n\nan old table\n"
    after = roles.readme(role, before)
    assert after.startswith(f"# thing\n\nWords.\n\n{roles.MARK}\n")
    assert "an old table" not in after
    assert "| `thing_ports` | list of int | `[80, 443]` | Where it listens, as `80\\|443`. |" in after
    assert "| `thing_name` | str | required | Its name. |" in after
    assert roles.readme(role, after) == after


def test_a_changed_default_makes_a_readme_stale(role: roles.Role, tmp_path: Path) -> None:
    before = roles.readme(role, "")
    spec = tmp_path / "thing/meta/argument_specs.yml"
    spec.write_text(spec.read_text().replace("443", "8443"))
    assert roles.readme(roles.read_all(tmp_path)[0], before) != before


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("O(app) is V(true), see M(ansible.builtin.copy)", "`app` is `true`, see `ansible.builtin.copy`"),
        (["One.", "Two B(three)."], "One. Two *three*."),
        ("RV(actions) of E(HOME) and C(ls (1\\))", "`actions` of `HOME` and `ls (1\\)`"),
    ],
)
def test_ansibles_markup_becomes_markdown(given: str | list[str], wanted: str) -> None:
    assert text.prose(given) == wanted


def test_options_of_a_shared_fragment_are_told_with_the_module() -> None:
    page = plugins.page(ROOT / "plugins")
    section = page.partition("\n## maintenance\n")[2].partition("\n## ")[0]
    assert "| `api_url` | str | required |" in section
    assert "| `enabled` | bool | required |" in section


def test_documentation_is_read_without_running_the_module(tmp_path: Path) -> None:
    module = tmp_path / "modules" / "boom.py"
    module.parent.mkdir()
    module.write_text('DOCUMENTATION = """\nshort_description: Says boom\n"""\nraise SystemExit("it was run")\n')
    assert "- [boom](#boom): Says boom" in plugins.page(tmp_path)
