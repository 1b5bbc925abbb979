"""The Procfile: what it may say, and how it is told what it may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hokku.build.procfile import LIMIT, BadProcfile, parse


def test_types_keep_their_order_and_their_commands():
    found = parse(b"web: gunicorn web:app --bind 0.0.0.0:$PORT\nworker:python w.py  \r\nclock_1-x :  a: b\n")
    assert list(found.items()) == [
        ("web", "gunicorn web:app --bind 0.0.0.0:$PORT"), ("worker", "python w.py"), ("clock_1-x", "a: b"),
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"\n \n", b"# web: no\n", b"\xef\xbb\xbf"])
def test_a_procfile_may_declare_nothing(content):
    assert parse(content) == {}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"web: true\nthis is no line\n", "Procfile line 2: 'this is no line' is not TYPE: COMMAND."),
        (b"we b: true\n", "Procfile line 1: 'we b: true' is not"),
        (b"web:\n", "Procfile line 1: 'web:' has no command"),
        (b"\n\nw\xc3\xa9b: true\n", "Procfile line 3: 'w\u00e9b: true' has a type that is not"),
        (b"a" * 64 + b": x\n", "1 to 63 letters"),
        (b"web: a\nweb: b\n", "Procfile line 2: the type web stands there twice"),
        (b"web: a\n\xff\n", "Procfile line 2 is not UTF-8"),
        (b"web: a\0b\n", "NUL"),
        (b"web: \x1b[31m\nbad\x1b[0m\n", "line 2: 'bad?[0m'"),
        (b"#" * (LIMIT + 1), "more than 64 KiB"),
        ("".join(f"t{n}: x\n" for n in range(5000)).encode(), "line 201: that is more than 200 process types"),
    ],
)
def test_a_bad_line_is_named_with_what_to_do(content, told):
    with pytest.raises(BadProcfile) as raised:
        parse(content)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_procfile_or_get_one_sentence(content):
    try:
        found, refused = parse(content), ""
    except BadProcfile as error:
        found, refused = {}, str(error)
    assert refused.isprintable()
    assert all(kind and command and len(kind) <= 63 for kind, command in found.items())
