"""app.json: what is understood, what is refused in one sentence, and what is done for a new app."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from hokku.build import app_json, setup
from hokku.build.app_json import AppJson, BadAppJson, Scale, Var
from hokku.build.buildpacks import BadBuildpack
from hokku.settings import Settings, Stack

KNOWN = Settings(
    stacks=(
        Stack(name="debian-12", image="a", build_image="a-build"),
        Stack(name="debian-13", image="b", build_image="b-build"),
    ),
    default_stack="debian-13",
)


def read(**found: object) -> AppJson:
    return app_json.parse(json.dumps(found).encode())


def decide(found: AppJson, told: list[str] | None = None, **more: object) -> setup.Setup:
    about = {"config_vars": {}, "named": False, "stack": "debian-13", "known": KNOWN} | more
    return setup.decide(found, tell=(told if told is not None else []).append, **about)


def test_herokus_own_example_is_understood():
    found = read(
        name="Small Sharp Tool", keywords=["a"], logo="https://x/y.svg", environments={"test": {}}, stack="debian-12",
        scripts={"postdeploy": "bundle exec rake bootstrap"},
        env={
            "SECRET_TOKEN": {"description": "signs", "generator": "secret"},
            "WEB_CONCURRENCY": {"value": "5"}, "PLAIN": "x", "OPTIONAL": {"required": False}, "NUMBER": {"value": 3},
        },
        formation={"web": {"quantity": 1, "size": "standard-1x"}},
        addons=["openredis", {"plan": "heroku-postgresql", "options": {"version": "9.5"}}],
        buildpacks=[{"url": "https://github.com/a/b"}, {"url": "heroku/python"}],
    )  # fmt: skip
    assert found == AppJson(
        env={
            "SECRET_TOKEN": Var(None, True), "WEB_CONCURRENCY": Var("5"), "PLAIN": Var("x"),
            "OPTIONAL": Var(None, required=False), "NUMBER": Var("3"),
        },
        formation={"web": Scale(1, "standard-1x")}, buildpacks=("https://github.com/a/b", "heroku/python"),
        addons=("openredis", "heroku-postgresql"), stack="debian-12", postdeploy="bundle exec rake bootstrap",
    )  # fmt: skip
    assert read() == AppJson()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not an object"),
        (b"\xff", "not UTF-8"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not JSON"),
        (b" " * 70_000, "more than 64 KiB"),
        (b'{"env": []}', '"env" in app.json is not an object'),
        (b'{"env": {"A B": "x"}}', "names a config var 'A B'"),
        (b'{"env": {"A": ["x"]}}', "The config var A"),
        (b'{"env": {"A": "\\ud800"}}', "The config var A"),
        (b'{"env": {"A": {"generator": "shell"}}}', "has a generator"),
        (b'{"env": {"A": {"required": "yes"}}}', '"required"'),
        (b'{"formation": {"web": 3}}', "The formation of 'web'"),
        (b'{"formation": {"web; rm": {}}}', "The formation of 'web; rm'"),
        (b'{"formation": {"web": {"quantity": true}}}', "The quantity of web"),
        (b'{"formation": {"web": {"quantity": 1e9}}}', "The quantity of web"),
        (b'{"formation": {"web": {"quantity": 101}}}', "The quantity of web"),
        (b'{"buildpacks": ["a\\nb"]}', '"buildpacks" in app.json'),
        (b'{"buildpacks": [{}]}', 'an entry without "url"'),
        (b'{"addons": "x"}', '"addons" in app.json is not a list'),
        (b'{"stack": 13}', '"stack" in app.json'),
        (b'{"scripts": {"postdeploy": ["x"]}}', '"postdeploy"'),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(content: bytes, words: str):
    with pytest.raises(BadAppJson) as refused:
        app_json.parse(content)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_KEYS = st.sampled_from(["env", "formation", "buildpacks", "addons", "stack", "scripts", "name"])


@limits(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.one_of(st.binary(max_size=400), st.dictionaries(_KEYS, _JSON, max_size=7).map(lambda x: json.dumps(x).encode()))
)
def test_whatever_stands_there_is_understood_or_refused_in_a_printable_sentence(content: bytes):
    sentence = ""
    wanted = setup.NOTHING
    try:
        wanted = decide(app_json.parse(content))
    except (BadAppJson, BadBuildpack) as refused:
        sentence = str(refused)
    assert sentence.isprintable()
    for value in wanted.config_vars.values():
        assert "\0" not in value.encode().decode()
    assert all(0 <= (scale.quantity or 0) <= 100 for scale in wanted.formation.values())


def test_secrets_are_made_and_what_is_set_stays():
    found = read(env={"A": "theirs", "B": {"value": "b"}, "KEY": {"generator": "secret"}, "MAY": {"required": False}})
    one, two = decide(found, config_vars={"A": "mine"}), decide(found)
    assert set(one.config_vars) == {"B", "KEY"}
    assert one.config_vars["KEY"] != two.config_vars["KEY"]


def test_a_config_var_that_must_be_set_is_asked_for():
    found = read(env={"API_KEY": {"description": "from the supplier"}, "OTHER": {"required": True}})
    with pytest.raises(BadAppJson, match=r"heroku config:set API_KEY=….* Missing: API_KEY, OTHER\."):
        decide(found)
    assert decide(found, config_vars={"API_KEY": "x", "OTHER": "y"}) == setup.Setup()


def test_config_vars_that_are_too_large_together_are_refused():
    found = read(env={"LARGE": {"value": "x" * 40_000}})
    assert decide(found).config_vars == {"LARGE": "x" * 40_000}
    with pytest.raises(BadAppJson, match=r"sets too much: The config vars of this app would be larger than 64 KB"):
        decide(found, config_vars={"MINE": "y" * 30_000})


def test_a_stack_is_taken_where_none_was_chosen():
    told: list[str] = []
    assert decide(read(stack="debian-12"), told).stack == "debian-12"
    assert decide(read(stack="debian-13"), told, stack="debian-12").stack is None, "it was chosen"
    assert told == []
    assert decide(read(stack="heroku-24"), told).stack is None
    assert "heroku-24, which is not one of debian-12, debian-13: debian-13 is used" in told[0]
    with pytest.raises(BadAppJson, match="builds no images"):
        decide(read(stack="container"))


def test_buildpacks_of_the_user_go_over_those_of_the_file_and_unknown_ones_are_refused():
    found = read(buildpacks=[{"url": "heroku/python"}])
    assert decide(found).buildpacks == ("heroku/python",)
    assert decide(found, named=True).buildpacks == ()
    with pytest.raises(BadBuildpack, match="cobol"):
        decide(read(buildpacks=[{"url": "heroku/cobol"}]))


def test_add_ons_are_said_not_to_be_there():
    told: list[str] = []
    decide(read(addons=["heroku-postgresql"]), told)
    assert "does not provide: heroku-postgresql." in told[0]
