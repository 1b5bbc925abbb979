"""Which commands of a page are run, and when what they print is what it shows."""

from __future__ import annotations

import textwrap

import docs_pages
import pytest
from docs_pages import Command, Content, Left, Page, PageError, differs


def page(text: str) -> Page:
    return docs_pages.parse(textwrap.dedent(text), "page.md")


def test_commands_come_with_the_lines_that_they_print() -> None:
    found = page("""
        Words.

        ```console
        $ echo one
        one
        $ true
        ```
    """)
    assert [(step.text, step.output, step.code) for step in found.commands] == [
        ("echo one", ("one",), 0),
        ("true", (), 0),
    ]
    assert found.commands[0].line == 5


def test_a_command_goes_on_behind_the_second_prompt_and_its_output_may_begin_so() -> None:
    (command,) = page("""
        ```console
        $ cat <<END
        > words
        > END
        words
        > and more
        ```
    """).commands
    assert command.text == "cat <<END\nwords\nEND"
    assert command.output == ("words", "> and more")


def test_a_block_in_a_list_is_read_without_its_indent() -> None:
    assert page("1. do\n\n   ```console\n   $ true\n   ```\n").commands[0].text == "true"


def test_marks_say_how_the_next_block_is_run() -> None:
    found = page("""
        <!-- exits with: 3 -->

        ```console
        $ true
        $ exit 3
        ```

        <!-- repeated for: 60 s -->
        ```console
        $ curl http://localhost/
        ```

        ```console
        $ tail -f log
        a line
        ^C
        ```
    """)
    assert [(step.code, step.seconds, step.interrupted) for step in found.commands] == [
        (0, 0, False),
        (3, 0, False),
        (0, 60, False),
        (0, 0, True),
    ]
    assert found.commands[-1].output == ("a line",)


def test_a_block_that_is_not_run_says_why_and_is_counted() -> None:
    found = page("""
        <!-- not run: needs a public name -->
        ```console
        $ one
        $ two
        ```
    """)
    assert found.steps == (Left(3, "needs a public name", 2),)


def test_a_file_is_what_stands_in_its_block() -> None:
    found = page("<!-- file: haiku/Procfile -->\n```text\nweb: python web.py\n```\n")
    assert found.steps == (Content(2, "haiku/Procfile", "web: python web.py\n"),)


def test_names_of_apps_are_made_unique_everywhere() -> None:
    found = page("""
        <!-- apps: haiku haiku-staging -->

        ```console
        $ cd ~/haiku && curl haiku.localhost; echo haikus
        haiku answers, haiku-staging too
        ```
    """).named("-0f3")
    (command,) = found.commands
    assert command.text == "cd ~/haiku-0f3 && curl haiku-0f3.localhost; echo haikus"
    assert command.output == ("haiku-0f3 answers, haiku-staging-0f3 too",)
    assert found.apps == ("haiku-0f3", "haiku-staging-0f3")


def test_accounts_that_a_page_needs_are_read() -> None:
    assert page("<!-- accounts: basho@example.com -->\n\nWords.\n").accounts == ("basho@example.com",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```\n$ true\n```\n", "a block of nothing: fence commands as console"),
        ("```bash\ntrue\n```\n", "a block of bash: fence commands as console"),
        ("```text\n$ true\n```\n", "has commands: fence it as console"),
        ("```console\ntrue\n```\n", "begins without a command"),
        ("```console\n```\n", "has no command"),
        ("```console\n$ true\n", "has no end"),
        ("<!-- not run: -->\n```console\n$ true\n```\n", "say why it is not run"),
        ("<!-- skipped: later -->\n```console\n$ true\n```\n", "'skipped' says nothing about a block"),
        ("<!-- repeated for: a while -->\n```console\n$ true\n```\n", "is no time"),
        ("<!-- not run: later -->\nWords.\n\n```console\n$ true\n```\n", "belongs right before a block"),
    ],
)
def test_a_block_of_which_it_is_not_said_whether_it_is_run_is_refused(text: str, told: str) -> None:
    with pytest.raises(PageError, match=r"page\.md:\d") as error:
        page(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ((), ""),
        (("one",), "one\n"),
        (("v…   Deploy …",), "v12  Deploy 0a1b\n"),
        (("…",), "anything\nat all\n"),
        (("…",), ""),
        (("a", "…", "d"), "a\nb\nc\nd\n"),
        (("…", "d"), "d\n"),
        (("a", ""), "a\n"),
        (("a (b)? [c]*",), "a (b)? [c]*"),
    ],
)
def test_output_is_what_is_shown(expected: tuple[str, ...], printed: str) -> None:
    assert differs(expected, printed) is None


@pytest.mark.parametrize(
    ("expected", "printed", "missing"),
    [
        (("one",), "two\n", "one"),
        (("one",), "", "one"),
        (("v… Deploy",), "v12 Rollback\n", "v… Deploy"),
        ((), "a warning\n", "(nothing more) before 'a warning'"),
        (("one",), "one\ntwo\n", "(nothing more) before 'two'"),
        (("…", "d"), "a\nb\n", "d"),
        (("a", "c"), "a\nb\nc\n", "c"),
        (("a",), "abc\n", "a"),
    ],
)
def test_output_that_differs_is_told_by_the_line_that_is_missing(
    expected: tuple[str, ...], printed: str, missing: str
) -> None:
    assert differs(expected, printed) == missing


def in_console_blocks(text: str) -> list[str]:
    """The lines of all fenced console blocks, found without the parser under test."""
    lines, inside = [], False
    for line in text.splitlines():
        if line.strip().startswith("```"):
            inside = line.strip() == "```console"
        elif inside:
            lines.append(line.strip())
    return lines


def test_every_command_of_every_page_is_run_or_left_with_a_reason() -> None:
    found = docs_pages.pages()
    assert len(found) > 2
    for path in found:
        read = docs_pages.read(path)  # refuses a block of which nothing is said
        counted = len(read.commands) + sum(left.commands for left in read.left)
        assert counted == sum(line.startswith("$ ") for line in in_console_blocks(path.read_text())), path
        assert len(read.commands) == sum(isinstance(step, Command) for step in read.steps)
