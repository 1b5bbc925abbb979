"""`hokku login` and what it leaves behind: tokens that are the user's alone, and a git that pushes by itself."""

from __future__ import annotations

import json
import stat

import pytest

from tests.integration.conftest import ADMIN, PASSWORD, TOKEN
from tests.integration.toolbelt_stand import Screen, another_ca, place


@pytest.fixture(scope="module")
def platform_place(api, workdir):
    with place(workdir) as made:
        yield made


@pytest.fixture
def computer(platform_place, tmp_path):
    return platform_place.computer(tmp_path / "no-cli")


def login(computer, url, *words, password=PASSWORD):
    return computer.hokku("login", url, "--email", ADMIN, *words, stdin=f"{password}\n")


def test_login_stores_a_token_that_nobody_else_can_read(platform_place, computer):
    said = login(computer, platform_place.url, "--ca-file", platform_place.ca)
    assert (said.code, said.out) == (0, f"Logged in to {platform_place.url} as {ADMIN}\n"), said.all
    kept = computer.home / ".config" / "hokku" / "platforms.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert PASSWORD not in computer.files()
    assert computer.hokku("whoami").out == f"{ADMIN}\n"


def test_what_is_missing_is_asked_on_the_terminal_and_the_password_is_not_shown(platform_place, computer):
    words = ("login", platform_place.url, "--ca-file", str(platform_place.ca))
    with computer.terminal("hokku", *words) as (process, terminal):
        seen = Screen(terminal)
        seen.wait_for("Email: ", 20)
        seen.type(ADMIN, by_key=False)
        seen.wait_for("Password: ", 20)
        seen.type(PASSWORD, by_key=False)
        seen.wait_for(f"Logged in to {platform_place.url} as {ADMIN}", 20)
        seen.until_ended(process, 10)
    assert process.returncode == 0
    assert PASSWORD not in seen.text


def test_after_a_login_plain_git_pushes_and_the_remote_is_the_platforms(platform_place, computer):
    login(computer, platform_place.url, "--ca-file", platform_place.ca)
    app = platform_place.stand.app("toolbelt-push")
    where = platform_place.stand.repository({"Procfile": "web: true\n"})
    computer.run("git", "remote", "add", "heroku", f"{platform_place.url}/{app}.git", cwd=where)
    said = computer.run("git", "push", "heroku", "main", cwd=where)
    assert said.code == 0, said.all
    assert platform_place.stand.built[-1] == computer.run("git", "rev-parse", "HEAD", cwd=where).out.strip()
    token = json.loads((computer.home / ".config/hokku/platforms.json").read_text())["platforms"][platform_place.url]
    assert token["token"] not in (computer.home / ".gitconfig").read_text()


def test_the_helper_answers_only_for_the_platform_and_over_https(platform_place, computer):
    login(computer, platform_place.url, "--ca-file", platform_place.ca)
    host = platform_place.url.removeprefix("https://")

    def ask(protocol, host, operation="get"):
        return computer.hokku("git-credentials", operation, stdin=f"protocol={protocol}\nhost={host}\n\n").out

    assert ask("https", host).startswith("username=heroku\npassword=HOKKU-")
    assert (
        ask("http", host)
        == ask("https", "localhost")
        == ask("https", f"evil.{host}")
        == ask("https", host, "store")
        == ""
    )


def test_logging_in_twice_leaves_one_of_each_setting(platform_place, computer):
    for _ in range(2):
        login(computer, platform_place.url, "--ca-file", platform_place.ca)
    assert (computer.home / ".gitconfig").read_text().count("git-credentials") == 1
    assert (computer.home / ".gitconfig").read_text().count("sslCAInfo") == 1


def test_logout_takes_the_token_back_and_says_so_once(platform_place, computer):
    login(computer, platform_place.url, "--ca-file", platform_place.ca)
    kept = json.loads((computer.home / ".config/hokku/platforms.json").read_text())
    token = kept["platforms"][platform_place.url]["token"]
    client = platform_place.stand.client
    assert client.get("/account", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert computer.hokku("logout").out == f"Logged out of {platform_place.url}\n"
    assert client.get("/account", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert token not in computer.files()
    for word in ("whoami", "logout"):
        said = computer.hokku(word)
        assert (said.code, said.err) == (
            1,
            f" !    You are not logged in. Log in with: hokku login {platform_place.url}\n",
        )


def test_a_wrong_certificate_is_refused_and_the_way_out_is_told(platform_place, computer, tmp_path):
    for words in ((), ("--ca-file", another_ca(tmp_path / "ca"))):
        said = login(computer, platform_place.url, *words)
        assert said.code == 1
        assert said.err.startswith(f" !    The certificate of {platform_place.url} is not trusted here (")
        assert "--ca-file ca.crt" in said.err
    assert "HOKKU-" not in computer.files()


def test_refusals_are_one_sentence_with_the_remedy(platform_place, computer, tmp_path):
    ca = ("--ca-file", platform_place.ca)
    port = platform_place.url.rpartition(":")[2]
    (tmp_path / "no.crt").write_text("no certificate")
    for said, expected in (
        (
            login(computer, platform_place.url, *ca, password="wrong"),
            "Email or password is wrong for https://localhost",
        ),
        (login(computer, "https://localhost:1", *ca), "https://localhost:1 does not answer (Connection refused)"),
        (login(computer, "http://localhost", *ca), "'http://localhost' is not a platform's address"),
        (login(computer, "https://localhost:port", *ca), "is not a platform's address"),
        (
            login(computer, f"https://127.0.0.1:{port}", *ca),
            f"The certificate of https://127.0.0.1:{port} is not trusted",
        ),
        (login(computer, platform_place.url, "--ca-file", tmp_path / "none"), f"There is no file {tmp_path / 'none'}"),
        (login(computer, platform_place.url, "--ca-file", tmp_path / "no.crt"), "holds no certificate in PEM"),
        (computer.hokku("login", platform_place.url, *ca), "Say who logs in: --email"),
        (computer.hokku("whoami"), "You are not logged in. Log in to a platform first"),
        (computer.hokku("heroku", "apps"), "HOKKU_HEROKU_CLI names"),
    ):
        assert said.code == 1
        assert expected in said.err
        assert said.err.startswith(" !    ")
        assert said.err.count("\n") == 1, said.err


def test_another_server_with_a_trusted_certificate_is_not_taken_for_a_platform(platform_place, computer):
    logs = platform_place.logs_url
    said = login(computer, logs, "--ca-file", platform_place.ca)
    assert said.err == f" !    {logs} answers, but it is not a Hokku platform's API. Check the address.\n"


def test_a_revoked_token_is_told_with_the_remedy(platform_place, computer):
    login(computer, platform_place.url, "--ca-file", platform_place.ca)
    kept = computer.home / ".config/hokku/platforms.json"
    kept.write_text(kept.read_text().replace("HOKKU-", "HOKKU-not-"))
    said = computer.hokku("whoami")
    assert (said.code, said.err) == (1, f" !    Your login has ended. Log in again: hokku login {platform_place.url}\n")


def test_of_several_platforms_the_last_login_is_the_default_and_others_can_be_named(platform_place, computer):
    login(computer, platform_place.url, "--ca-file", platform_place.ca)
    kept = computer.home / ".config/hokku/platforms.json"
    found = json.loads(kept.read_text())
    found["platforms"]["https://other.example.com"] = {"email": "x@example.com", "token": None, "ca_file": None}
    kept.write_text(json.dumps(found | {"default": "https://other.example.com"}))
    assert "hokku login https://other.example.com" in computer.hokku("whoami").err
    assert computer.hokku("--platform", platform_place.url, "whoami").out == f"{ADMIN}\n"
    computer.more["HOKKU_PLATFORM"] = platform_place.url.removeprefix("https://")
    assert computer.hokku("whoami").out == f"{ADMIN}\n"
    computer.more["HOKKU_PLATFORM"] = "https://third.example.com"
    assert "You are not logged in to https://third.example.com" in computer.hokku("whoami").err


def test_the_first_accounts_own_token_still_works(platform_place):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert platform_place.stand.client.get("/account", headers=headers).status_code == 200
