"""heroku/php: what is refused, what Composer is told, and the commands that start the web servers."""

from __future__ import annotations

import re
import subprocess

import pytest

from hokku.build import declared
from hokku.build.buildpacks import DIRECTORY
from tests.integration.toolchain_stand import Stand, for_dynos

# What platform.php says of an app; $FACTS goes over it. Itself it runs on the stack, by Composer's rules.
PHP = r"""case "$1" in
-r) [[ $2 == *PHP_VERSION* ]] && printf 8.4.1 || echo "curl, mbstring" ;;
*/platform.php)
  printf '%s\t%s\n' version 8.4.1 composer 2.8.8 packages no script no alike yes kept always \
    vendor vendor bin vendor/bin
  printf '%b' "${FACTS:-}" ;;
esac"""
COMPOSER = r"""echo "composer $*" >>"$HOME/calls"
[ -e vendor/composer ] && echo had >>"$HOME/calls"
mkdir -p vendor/composer vendor/one"""


def stand(tmp_path, files=None) -> Stand:
    return Stand(tmp_path, "php", {"composer.json": "{}"} | (files or {}), {"php": PHP, "composer": COMPOSER})


@pytest.mark.parametrize(("name", "status"), [("composer.json", 0), ("index.php", 0), ("page.php", 1)])
def test_composer_json_or_index_php_make_a_php_app(tmp_path, name, status):
    ran = Stand(tmp_path, "php", {name: ""}).detect()
    assert (ran.status, ran.said) == (status, "PHP\n" if status == 0 else "")


def test_a_php_that_the_stack_does_not_have_is_refused_with_what_there_is(tmp_path):
    ran = stand(tmp_path).compile(FACTS="php\\t^7.4\\tcomposer.json\\n")
    assert ran.status == 1
    assert " !     PHP ^7.4 (from composer.json) is not on the stack debian-13, which has PHP 8.4.1." in ran.said
    assert "8.2 on debian-12, 8.4 on debian-13" in ran.said


def test_missing_extensions_are_all_named_beside_those_there(tmp_path):
    ran = stand(tmp_path).compile(FACTS="ext\\tmongodb\\tcomposer.json\\next\\tredis\\ta/b\\n")
    assert ran.status == 1
    assert "ext-mongodb (asked for by composer.json)" in ran.said
    assert "ext-redis (asked for by a/b)" in ran.said
    assert "These are there: curl, mbstring" in ran.said


def test_packages_without_a_lock_are_refused(tmp_path):
    ran = stand(tmp_path).compile(FACTS="packages\\tyes\\n")
    assert ran.status == 1
    assert "No 'composer.lock' found" in ran.said


INSTALL = "composer install --no-dev --prefer-dist --optimize-autoloader --no-interaction --no-ansi --no-progress"


def build(made: Stand, **more: str) -> tuple[str, list[str]]:
    """What a push of the app's own files says, and what Composer was called for."""
    for path in ("vendor", ".heroku", ".profile.d", "../calls"):
        subprocess.run(["rm", "-rf", made.app / path], check=True)
    if "KEEP" in more:
        (made.app / "vendor").mkdir()
        (made.app / "vendor/.gitkeep").touch()
    ran = made.compile(**more)
    assert ran.status == 0, ran.said
    return ran.said, made.calls()


def test_composer_installs_for_production_and_nothing_is_installed_twice_for_the_same_app(tmp_path):
    made = stand(tmp_path, {"composer.lock": "{}"})
    assert build(made)[1] == [INSTALL]
    said, calls = build(made)
    assert "Using the packages and the autoloader of the last build" in said
    assert (calls, (made.app / "vendor/one").is_dir()) == ([], True)
    assert made.repeatable
    (made.app / "page.php").write_text("<?php class Page {}")
    said, calls = build(made)
    assert "The packages of the last build are there" in said
    assert calls == [INSTALL, "had"], "another class is another autoloader"


@pytest.mark.parametrize("kept", ["always", "unchanged"])
@pytest.mark.parametrize("change", ["file", "link", "PHP", "Composer", "stack", "config var"])
def test_another_app_php_composer_stack_or_config_var_has_composer_run(tmp_path, kept, change):
    made = stand(tmp_path, {"composer.lock": "{}"})
    facts = f"kept\\t{kept}\\n"
    build(made, FACTS=facts)
    more = {"FACTS": facts}
    match change:
        case "file":
            (made.app / "composer.json").write_text('{"require": {}}')
        case "link":
            (made.app / "link").symlink_to("composer.json")
        case "PHP":
            more["FACTS"] += "version\\t8.4.2\\n"
        case "Composer":
            more["FACTS"] += "composer\\t2.9.0\\n"
        case "stack":
            more["STACK"] = "debian-14"
        case "config var":
            more["COMPOSER_DISCARD_CHANGES"] = "true"
    calls = build(made, **more)[1]
    same_tools = change in ("file", "link", "config var")
    assert calls == [INSTALL, "had"] if kept == "always" and same_tools else calls == [INSTALL]


def test_what_runs_while_packages_are_installed_runs_in_every_build(tmp_path):
    made = stand(tmp_path, {"composer.lock": "{}"})
    facts = "kept\\tunchanged\\nalike\\tno\\n"
    assert build(made, FACTS=facts)[1] == [INSTALL]
    assert build(made, FACTS=facts)[1] == [INSTALL, "had"]
    assert not made.repeatable


@pytest.mark.parametrize("facts", ["kept\\tnever\\n", ""])
def test_packages_in_the_apps_own_tree_and_vendor_directories_of_its_own_are_not_kept(tmp_path, facts):
    made = stand(tmp_path, {"composer.lock": "{}"} | ({} if facts else {"vendor/own/a.php": ""}))
    for _ in range(2):
        assert made.compile(FACTS=facts).status == 0
        assert not (made.cache / "php/vendor").exists()
        subprocess.run(["rm", "-rf", made.app / "vendor/composer", made.app / "vendor/one"], check=True)
    assert made.calls() == [INSTALL, INSTALL]


def test_kept_packages_lie_beside_what_the_app_has_in_its_vendor_directory(tmp_path):
    made = stand(tmp_path, {"composer.lock": "{}"})
    build(made, KEEP="1")
    said, _ = build(made, KEEP="1")
    assert "The packages of the last build are there" in said
    assert sorted(path.name for path in (made.app / "vendor").iterdir()) == [".gitkeep", "bin", "composer", "one"]
    build(made)
    assert not (made.app / "vendor/.gitkeep").exists(), "it went from the repository"


def test_the_script_compile_runs_after_the_packages_are_there(tmp_path):
    made = stand(tmp_path)
    assert made.compile(FACTS="script\\tyes\\nalike\\tno\\n").status == 0
    assert made.calls()[1] == "composer run-script --no-dev --no-interaction --no-ansi compile"
    assert not made.repeatable


def test_the_commands_of_the_web_servers_are_where_procfiles_look_for_them(tmp_path):
    made = stand(tmp_path)
    assert made.compile().status == 0
    for server in ("apache2", "nginx"):
        assert (made.app / f".heroku/php/bin/heroku-php-{server}").stat().st_mode & 0o111
        link = made.app / f"vendor/bin/heroku-php-{server}"
        assert str(link.readlink()) == f"/app/.heroku/php/bin/heroku-php-{server}"
    assert declared.parse(made.release()).default_process_types == {"web": "heroku-php-apache2"}
    (made.app / "Procfile").write_text("web: heroku-php-nginx public/\n")
    assert declared.parse(made.release()).default_process_types == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-x"], "there is no option -x"),
        (["-c", "httpd.conf"], "the option -c is not there on this platform"),
        (["-C"], "the option -C needs a value"),
        (["-C", "nothing.conf"], "the file nothing.conf cannot be read"),
        (["nowhere/"], "the document root nowhere/ is no directory of the app"),
        (["a", "b"], "one document root, and not 2"),
        ([], "PORT is not set"),
    ],
)
def test_a_wrong_command_line_is_one_sentence(tmp_path, arguments, words):
    made = stand(tmp_path)
    assert made.compile().status == 0
    done = subprocess.run(
        [made.app / ".heroku/php/bin/heroku-php-nginx", *arguments], cwd=made.app, env={"PATH": "/usr/bin:/bin"},
        text=True, capture_output=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("heroku-php-nginx: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_the_app_adds_to_nginx_goes_over_how_php_is_run():
    text = (DIRECTORY / "php/conf/nginx.conf").read_text()
    places = [
        text.index(part) for part in ("deny all;", "@INCLUDE@", "location ~ \\.php(/|$) {", "location @heroku-fcgi {")
    ]
    assert places == sorted(places)


def refused(server: str) -> re.Pattern[str]:
    """The paths that the web server's configuration refuses."""
    text = (DIRECTORY / f"php/conf/{server}.conf").read_text()
    if server == "nginx":
        return re.compile(re.search(r"location ~\* (\S+) \{\n +deny all;", text)[1], re.IGNORECASE)
    return re.compile(re.search(r'<LocationMatch "(.+)">\n +Require all denied', text)[1])


@pytest.mark.parametrize("server", ["nginx", "apache2"])
@pytest.mark.parametrize(
    ("path", "served"),
    [("/.env", False), ("/sub/.env", False), ("/a/b/.git/config", False), ("/.well-known/.env", False),
     ("/.well-known-too", False), ("/sub/.HTaccess", False), ("/vendor/autoload.php", False), ("/Procfile", False),
     ("/composer.lock", False), ("/.well-known/acme-challenge/x", True), ("/sub/.well-known/x", True),
     ("/.well-known", True), ("/a.env/b.c", True), ("/sub/vendor/x.js", True), ("/sub..env", True)],
)  # fmt: skip
def test_a_path_with_a_dot_file_anywhere_in_it_is_refused(server, path, served):
    assert (refused(server).search(path) is None) is served


def concurrency(tmp_path, memory: int, ini: str = "", pool: str = "") -> str:
    (tmp_path / ".user.ini").write_text(ini)
    (tmp_path / "pool").write_text(pool)
    script = for_dynos("php/lib/boot.sh") + "documents=$1 pool=$1/pool; concurrency"
    env = {"PATH": "/usr/bin:/bin", "DYNO_RAM": str(memory)}
    done = subprocess.run(["bash", "-c", script, "bash", tmp_path], text=True, check=True, capture_output=True, env=env)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("megabytes", "ini", "pool", "processes"),
    [(512, "", "", 4), (64, "", "", 1), (1024, "memory_limit = 256M\n", "", 4),
     (512, "memory_limit=256M\n", "php_value[memory_limit] = 64M\n", 8), (512, "memory_limit = -1\n", "", 4)],
)  # fmt: skip
def test_there_are_as_many_php_processes_as_the_dynos_memory_has_room_for(tmp_path, megabytes, ini, pool, processes):
    assert concurrency(tmp_path, megabytes, ini, pool) == str(processes)
