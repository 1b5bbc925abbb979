"""The actions `app_file_info` and `app_file`: an app's file and its secrets, read and written."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.template import Templar

ROOT = Path(__file__).parents[3]
PASSWORD = b"a-vault-password"
APP = {
    "name": "shop",
    "stack": "debian-13",
    "config": {"GREETING": "Hello {{ name }}", "KEY": "s3cret-value"},
    "formation": {"web": {"quantity": 2, "size": "basic"}},
    "drains": ["https://someone:pass-word@logs.example.com/in"],
    "source": {"slug": "01234567-0123-4123-8123-0123456789ab"},
}


def loader(password: bytes | None = None) -> DataLoader:
    made = DataLoader()
    if password:
        made.set_vault_secrets([("default", VaultSecret(password))])
    return made


def run(action: str, using: DataLoader, check: bool = False, known: Any = None, **arguments: Any) -> dict[str, Any]:
    """What the action gives, on a controller with the vault passwords of `using`."""
    task = SimpleNamespace(args=arguments, check_mode=check, async_val=0, action=action, diff=True)
    module = importlib.import_module(f"ansible_collections.hokku.platform.plugins.action.{action}")
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/never/used"))
    made = module.ActionModule(task, connection, SimpleNamespace(), using, Templar(using), None)
    return made.run(task_vars={"hokku_app_secrets": known or {}})


def file(folder: Path, text: str, name: str = "shop.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_secrets_come_from_the_encrypted_file_beside_it_and_the_result_is_hidden(tmp_path: Path) -> None:
    using = loader(PASSWORD)
    path = file(tmp_path, "name: shop\nsecrets: [KEY]\n")
    sealed = VaultLib([("default", VaultSecret(PASSWORD))]).encrypt("KEY: s3cret-value\n")
    (tmp_path / "shop.vault.yml").write_bytes(sealed)
    found = run("app_file_info", using, path=str(path))
    assert found["app"]["config"] == {"KEY": "s3cret-value"}
    assert isinstance(found["app"]["config"]["KEY"], str)
    assert found["_ansible_no_log"] is True


def test_secrets_may_come_from_the_inventory(tmp_path: Path) -> None:
    path = file(tmp_path, "name: shop\nsecrets: [KEY]\n")
    known = {"shop": {"KEY": "of-the-inventory"}, "other": {"KEY": "no"}}
    assert run("app_file_info", loader(), path=str(path), known=known)["app"]["config"] == {"KEY": "of-the-inventory"}


def test_a_refusal_is_not_hidden_and_names_what_is_missing(tmp_path: Path) -> None:
    path = file(tmp_path, "name: shop\nsecrets: [KEY]\n")
    found = run("app_file_info", loader(), path=str(path))
    assert found["failed"]
    assert "_ansible_no_log" not in found
    assert "secrets[0] is 'KEY'" in found["msg"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "shop.yml cannot be read:"),
        ("name: shop\nsource: {path: nowhere}\n", "source.path leads to"),
        (
            "name: shop\ncertificates: [{domains: [a.example.com], certificate_file: a.crt, key_file: a.key}]\n",
            "certificates[0].certificate_file leads to",
        ),
    ],
)
def test_files_that_are_wrong_or_missing_are_said(tmp_path: Path, text: str, said: str) -> None:
    found = run("app_file_info", loader(), path=str(file(tmp_path, text)))
    assert found["failed"]
    assert said in found["msg"]


@pytest.mark.parametrize("name", ["shop.yml", "shop.vault.yml"])
def test_a_name_that_stands_twice_is_refused_without_what_stands_under_it(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = file(tmp_path, "name: shop\nsecrets: [KEY]\n")
    own = {"shop.yml": "name: shop\nconfig: {KEY: s3cret-one, KEY: s3cret-two}\n"}
    file(tmp_path, own.get(name, 'KEY: "s3cret-one"\nKEY: "s3cret-two"\n'), name)
    found = run("app_file_info", loader(), path=str(path))
    assert f"{name}: KEY stands there twice: leave one out." in found["msg"]
    assert "s3cret" not in found["msg"] + "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("&x {A: *x}", "leads back to itself"),
        ("{<<: {KEY: s3cret-one}, KEY: s3cret-two}", "<< is not taken"),
        ("[&a [x, x], &b [*a, *a, *a, *a, *a, *a, *a, *a], &c [*b, *b, *b, *b, *b, *b, *b, *b],"
         " &d [*c, *c, *c, *c, *c, *c, *c, *c], [*d, *d, *d, *d, *d, *d, *d, *d]]", "more than 10000 values"),
    ],
)  # fmt: skip
def test_what_yaml_makes_endless_or_hides_is_refused(tmp_path: Path, config: str, said: str) -> None:
    found = run("app_file_info", loader(), path=str(file(tmp_path, f"name: shop\nconfig: {config}\n")))
    assert said in found["msg"]
    assert "s3cret" not in found["msg"]


def test_a_wrong_buildpack_that_is_a_secret_is_not_told(tmp_path: Path) -> None:
    path = file(tmp_path, "name: shop\nbuildpacks: [{secret: PACK}]\n")
    file(tmp_path, "PACK: ann:s3cret-token@git.example.com/x.git\n", "shop.vault.yml")
    found = run("app_file_info", loader(), path=str(path))
    assert "buildpacks[0]: it is neither a name" in found["msg"]
    assert "s3cret" not in found["msg"]


def test_what_may_be_told_of_an_app_has_no_secret(tmp_path: Path) -> None:
    path = str(tmp_path / "shop.yml")
    run("app_file", loader(), path=path, app=APP)
    told = run("app_file_info", loader(), path=path)["told"]
    assert told["config"] == {"GREETING": "********", "KEY": "********"}
    assert told["drains"] == ["logs.example.com:443 (https)"]
    assert "s3cret-value" not in repr(told)
    assert "pass-word" not in repr(told)


@pytest.mark.parametrize("value", ["a\x85b", "a\u2028b", "a\u2029b", "a\r\nb", "\x07", " a ", "\ufeff", "é😀"])
def test_what_is_written_of_odd_characters_is_read_again(tmp_path: Path, value: str) -> None:
    path, app = str(tmp_path / "shop.yml"), APP | {"config": {"ODD": value}}
    run("app_file", loader(), path=path, app=app)
    assert run("app_file_info", loader(), path=path)["app"]["config"] == {"ODD": value}


def test_no_file_is_said(tmp_path: Path) -> None:
    assert "There is no file" in run("app_file_info", loader(), path=str(tmp_path / "gone.yml"))["msg"]


def test_an_encrypted_file_without_the_password_is_said(tmp_path: Path) -> None:
    path = file(tmp_path, "name: shop\nsecrets: [KEY]\n")
    (tmp_path / "shop.vault.yml").write_bytes(VaultLib([("default", VaultSecret(PASSWORD))]).encrypt("KEY: v\n"))
    assert "shop.vault.yml cannot be read" in run("app_file_info", loader(), path=str(path))["msg"]


@pytest.mark.parametrize("password", [PASSWORD, None], ids=["vault password", "no vault password"])
def test_what_is_written_is_read_as_the_same_app(tmp_path: Path, password: bytes | None) -> None:
    using, path = loader(password), str(tmp_path / "shop.yml")
    written = run("app_file", using, path=path, app=APP)
    assert (written["changed"], written["encrypted"]) == (True, password is not None)
    found = run("app_file_info", using, path=path)["app"]
    expected = APP | {"source": {"path": None, "ref": None, **APP["source"]}}
    assert {key: found[key] for key in APP} == expected
    assert run("app_file", using, path=path, app=APP)["changed"] is False


def test_secrets_are_encrypted_with_a_vault_password_and_else_only_the_owner_s(tmp_path: Path) -> None:
    sealed, open_ = tmp_path / "sealed", tmp_path / "open"
    run("app_file", loader(PASSWORD), path=str(sealed / "shop.yml"), app=APP)
    without = run("app_file", loader(), path=str(open_ / "shop.yml"), app=APP)
    assert (sealed / "shop.vault.yml").read_text().startswith("$ANSIBLE_VAULT;")
    assert os.stat(open_ / "shop.vault.yml").st_mode & 0o777 == 0o600
    assert "NOT encrypted" in without["note"]
    for folder in (sealed, open_):
        text = (folder / "shop.yml").read_text()
        assert "s3cret-value" not in text
        assert "pass-word" not in text


def test_secrets_that_stand_there_unencrypted_are_encrypted_once_there_is_a_password(tmp_path: Path) -> None:
    path, vault = str(tmp_path / "shop.yml"), tmp_path / "shop.vault.yml"
    run("app_file", loader(), path=path, app=APP)
    assert run("app_file", loader(), path=path, app=APP)["encrypted"] is False
    would = run("app_file", loader(PASSWORD), check=True, path=path, app=APP)
    assert (would["changed"], would["encrypted"]) == (True, True)
    assert "s3cret-value" in vault.read_text()
    done = run("app_file", loader(PASSWORD), path=path, app=APP)
    assert (done["changed"], done["encrypted"]) == (True, True)
    assert vault.read_text().startswith("$ANSIBLE_VAULT;")
    again = run("app_file", loader(PASSWORD), path=path, app=APP)
    assert (again["changed"], again["encrypted"]) == (False, True)
    assert "are encrypted" in again["note"]


def test_no_secret_is_in_what_the_writing_tells(tmp_path: Path) -> None:
    told = repr(run("app_file", loader(), path=str(tmp_path / "shop.yml"), app=APP))
    assert "s3cret-value" not in told
    assert "pass-word" not in told
    assert "KEY: ********" in told


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    assert run("app_file", loader(), check=True, path=str(tmp_path / "shop.yml"), app=APP)["changed"] is True
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_says_something_else_is_written_over_only_when_told_to(tmp_path: Path) -> None:
    path = file(tmp_path, "name: shop\nstack: debian-12\n")
    refused = run("app_file", loader(), path=str(path), app=APP)
    assert refused["failed"]
    assert "overwrite=true" in refused["msg"]
    assert path.read_text() == "name: shop\nstack: debian-12\n"
    assert run("app_file", loader(), path=str(path), app=APP, overwrite=True)["changed"] is True
