"""Links between the pages of the documentation lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("roles/*/README.md")]
)
# Pages that others write at this time. Each goes from here when it is there.
AWAITED = {
    "docs/apps.md",
    "docs/reference/api.md",
    "docs/reference/modules.md",
    "docs/reference/roles.md",
    "docs/runbooks/README.md",
}
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^(\s*)```.*?^\1```", "", text, flags=re.S | re.M))


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    names = set()
    for heading in re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M), flags=re.M
    ):
        words = re.sub(r"[^\w\- ]", "", heading.lower()).strip()
        names.add(words.replace(" ", "-"))
    return names


def broken(page: Path) -> list[str]:
    """What each link of `page` that leads nowhere says."""
    found = []
    for link in _LINK.findall(without_code(page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        known = str(target.relative_to(ROOT)) in AWAITED if target.is_relative_to(ROOT) else False
        if known:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A heading, here\n[a](gone.md) [b](#a-heading-here) [c](#gone) [d](https://example.com) `[e](code.md)`\n"
    )
    assert broken(page) == ["gone.md", "#gone"]


def test_every_page_is_listed_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    listed = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in _LINK.findall(index)}
    assert [page for page in (ROOT / "docs").rglob("*.md") if page.name != "README.md" and page not in listed] == []
