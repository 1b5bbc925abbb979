"""Links between the pages of the documentation lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md"), *ROOT.glob("roles/*/README.md")])
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^( *)```.*?^\1```", flags=re.S | re.M)


def links(page: Path) -> list[str]:
    """What the links of a page say, without those in code."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", _FENCED.sub("", page.read_text())))


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page, and those that it names itself."""
    text = _FENCED.sub("", page.read_text())
    headings = re.findall(r"^#+ (.*)$", text, flags=re.M)
    named = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    return named | {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """What each link of `page` that leads nowhere says."""
    found = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link):
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
        "# A heading, here\n[a](gone.md) [b](#a-heading-here) [c](#gone) [d](https://x.org) `[e](code.md)`\n"
    )
    assert broken(page) == ["gone.md", "#gone"]


def test_every_page_is_listed_in_the_index_of_its_folder_or_in_that_of_all() -> None:
    for page in DOCS.rglob("*.md"):
        indexes = {DOCS / "README.md", page.parent / "README.md"} - {page}
        listed = {(at.parent / link.partition("#")[0]).resolve() for at in indexes if at.exists() for link in links(at)}
        assert page in listed or page == DOCS / "README.md", f"{page.relative_to(ROOT)} is in no list of pages"
