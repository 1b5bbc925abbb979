"""Ruby, PHP, Java and Go: the samples are pushed, served and logged, and their second build is helped by the first."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from platform_client import ROOT, App, wait_for

SAMPLES = ROOT / "samples"
# What a second build says of the first one, and what the web process says when it starts.
LANGUAGES = {
    "ruby": ("Ruby/Rack", "Using the gems of the last build", "starts with Ruby"),
    "php": ("PHP", "The packages of the last build are there", "PHP-FPM with"),
    "java": ("Java", "The Maven repository of the last build is there", "with Java"),
    "go": ("Go", "The compiled packages and modules of the last build are there", "listens on port"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sample_is_pushed_served_logged_and_built_again_from_the_cache(
    new_app: Callable[..., App], language: str
) -> None:
    kind, cached, started = LANGUAGES[language]
    app = new_app()
    repository = app.repository(SAMPLES / language)
    pushed = app.push(repository)
    assert pushed.accepted, pushed.output
    assert f"-----> {kind} app detected" in pushed.output
    assert "Verifying deploy... done." in pushed.output
    assert cached not in pushed.output
    for router in range(len(app.platform.routers)):
        answer = app.get(router=router)
        assert (answer.status, answer.body) == (200, f"Hello from {app.name} v3 on web.1\n"), answer
    assert app.get("/nowhere").status == 404
    wait_for("the web process's line", lambda: any("app[web.1]:" in x and started in x for x in app.logs(200)), 30)

    app.scale(worker=1)
    wait_for("a line of worker.1", lambda: any("worker.1 did round 1" in line for line in app.logs(200)), 60)

    app.commit(repository, {"a-note": "one line\n"})
    again = app.push(repository)
    assert again.accepted, again.output
    assert cached in again.output, again.output
    wait_for("v4 serves", lambda: "v4" in app.get().body)

    app.commit(repository, {})
    same = app.push(repository)
    assert "Using the slug of v4: source, config vars, buildpacks and stack are the same" in same.output, same.output


@pytest.mark.parametrize(
    ("scripts", "alike"),
    [
        ({"post-autoload-dump": ["@php artisan package:discover --ansi"], "test": "echo no"}, True),
        ({"post-install-cmd": "@ours", "ours": ["@php artisan optimize"]}, True),
        ({"post-install-cmd": "@ours", "ours": ["@php artisan optimize", "@php fetch.php"]}, False),
        ({"compile": "php fetch.php"}, False),
    ],
)
def test_php_is_built_again_where_composer_runs_more_than_frameworks_have_it_run(
    new_app: Callable[..., App], scripts: dict[str, object], alike: bool
) -> None:
    app = new_app()
    files = {"composer.json": json.dumps({"scripts": scripts}), "index.php": "", "artisan": "", "fetch.php": ""}
    repository = app.repository(files)
    pushed = app.push(repository)
    assert pushed.accepted, pushed.output
    app.commit(repository, {})
    again = app.push(repository)
    assert again.accepted, again.output
    assert ("Using the slug of v3" in again.output) is alike, again.output


def test_both_web_servers_before_php_keep_what_is_not_public_to_themselves(new_app: Callable[..., App]) -> None:
    page = "<?php echo $_SERVER['HTTPS'] ?? 'plain', ' ', getenv('MARK');"
    for server in ("apache2", "nginx"):
        app = new_app()
        app.call("PATCH", "/config-vars", {"MARK": "a mark"}, 200)
        app.deploy({
            "Procfile": f"web: heroku-php-{server} -C extra.conf\n",
            "extra.conf": {"apache2": "Header set X-Extra yes\n", "nginx": "add_header X-Extra yes;\n"}[server],
            "composer.json": "{}", "index.php": page, "shop/.env": "SECRET=1\n", "shop/.well-known/a.txt": "a\n",
        })  # fmt: skip
        assert app.get().body == "plain a mark"
        answer = app.get(tls=True)
        assert answer.body == "on a mark"
        assert answer.headers.get("x-extra") == "yes"
        for path in ("/composer.json", "/Procfile", "/.profile.d/php.sh", "/shop/.env", "/vendor/autoload.php"):
            assert app.get(path).status in (403, 404), path
        assert app.get("/shop/.well-known/a.txt").body == "a\n"


def test_a_jvm_takes_the_dynos_memory_into_account(new_app: Callable[..., App]) -> None:
    app = new_app()
    app.deploy(SAMPLES / "java")
    size = app.call("GET", "/formation/web", status=200).json()["size"]
    wait_for("the JVM's options", lambda: any("JAVA_TOOL_OPTIONS: -Xmx" in line for line in app.logs(200)), 30)
    line = next(line for line in app.logs(200) if "JAVA_TOOL_OPTIONS: -Xmx" in line)
    heap = int(line.split("-Xmx")[1].split("m")[0])
    assert (size, heap) == ("Basic", 300), line  # Heroku's figure for 512 MB


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"Gemfile": 'ruby "2.7.8"\n', "Gemfile.lock": "GEM\n  specs:\n"},
            "Ruby 2.7.8 (from Gemfile) is not on the stack",
        ),
        ({"composer.json": '{"require": {"php": "^7.4"}}'}, "PHP ^7.4 (from composer.json) is not on the stack"),
        ({"composer.json": '{"require": {"ext-oci8": "*"}}'}, "ext-oci8 (asked for by composer.json)"),
        (
            {"pom.xml": "<project/>", "system.properties": "java.runtime.version=1.8\n"},
            "OpenJDK 1.8 (from system.properties) is not on the stack",
        ),
        ({"build.gradle": "// nothing\n"}, "There is no Gradle wrapper (gradlew)"),
        ({"go.mod": "module example.com/x\n\ngo 1.99\n"}, "Go 1.99 (from go.mod) is not on the stack"),
    ],
    ids=["ruby", "php", "php-extension", "java", "gradle", "go"],
)
def test_what_the_stack_does_not_have_is_refused_with_what_there_is(
    new_app: Callable[..., App], files: dict[str, str], words: str
) -> None:
    app = new_app()
    pushed = app.push(app.repository(files))
    assert not pushed.accepted, pushed.output
    assert words in pushed.output, pushed.output
