"""plugins/modules/pki.py: what is good stays, what is not is made anew, and nothing of it is readable by others."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.hokku.platform.plugins.modules import pki
from cryptography import x509
from cryptography.fernet import Fernet

PARAMS = {
    "apps_domain": "apps.example.com",
    "hosts": [
        {"name": "control1", "names": ["10.0.0.1", "api.example.com"]},
        {"name": "router1", "names": ["10.0.0.2"]},
    ],
    "ca_days": 3650,
    "days": 825,
    "renew_days": 30,
}


def kept(directory: Path, check: bool = False, **changes: object) -> list[str]:
    """The actions of one run on `directory`."""
    store = pki.Store(directory, check)
    with store.locked():
        pki.keep(store, {**PARAMS, **changes})
        if directory.is_dir():
            store.keep_modes()
    return store.actions


def certificate(directory: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / name).read_bytes())


def names(cert: x509.Certificate) -> list[str]:
    return [str(entry.value) for entry in cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    kept(tmp_path / "secrets")
    return tmp_path / "secrets"


def test_a_second_run_changes_nothing(directory: Path) -> None:
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert kept(directory) == []
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_only_the_owner_can_read_what_is_kept(directory: Path) -> None:
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_modes_that_were_opened_are_closed_again(directory: Path) -> None:
    (directory / "ca.key").chmod(0o644)
    assert kept(directory) == ["ca.key: mode 0600"]
    assert (directory / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_host_certificate_is_good_for_its_names_and_signed_by_the_authority(directory: Path) -> None:
    cert = certificate(directory, "control1.crt")
    assert names(cert) == ["control1", "10.0.0.1", "api.example.com"]
    cert.verify_directly_issued_by(certificate(directory, "ca.crt"))


def test_the_applications_certificate_is_good_for_the_domain_and_all_under_it(directory: Path) -> None:
    assert names(certificate(directory, "apps.pem")) == ["apps.example.com", "*.apps.example.com"]


def test_a_changed_name_renews_that_certificate_alone(directory: Path) -> None:
    hosts = [{"name": "control1", "names": ["10.0.0.9"]}, PARAMS["hosts"][1]]
    assert {action.split(":")[0] for action in kept(directory, hosts=hosts)} == {"control1.crt", "control1.key"}
    assert names(certificate(directory, "control1.crt")) == ["control1", "10.0.0.9"]


def test_a_certificate_near_its_end_is_renewed(directory: Path) -> None:
    actions = kept(directory, renew_days=826)
    assert "router1.crt: renewed, it ends in 824 days" in actions
    left = certificate(directory, "router1.crt").not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert left.days == 824


def test_a_new_authority_signs_every_host_again_and_leaves_the_pinned_client_alone(directory: Path) -> None:
    client = (directory / "manifold.crt").read_bytes()
    for name in ("ca.crt", "ca.key"):
        (directory / name).unlink()
    assert "control1.crt: renewed, another authority signed it" in kept(directory)
    assert (directory / "manifold.crt").read_bytes() == client


def test_half_an_authority_is_refused_with_what_to_do(directory: Path) -> None:
    (directory / "ca.key").unlink()
    with pytest.raises(ValueError, match=r"only one of ca\.crt and ca\.key: put the other back"):
        kept(directory)


def test_a_host_with_a_name_of_the_platforms_own_is_refused(directory: Path) -> None:
    with pytest.raises(ValueError, match="cannot be called ca"):
        kept(directory, hosts=[{"name": "ca", "names": []}])


def test_check_mode_says_what_it_would_do_and_writes_nothing(tmp_path: Path) -> None:
    actions = kept(tmp_path / "secrets", check=True)
    assert "ca.crt: made" in actions
    assert "database_password: made" in actions
    assert not (tmp_path / "secrets").exists()


def test_every_secret_is_there_and_no_two_stores_have_the_same(directory: Path, tmp_path: Path) -> None:
    kept(tmp_path / "other")
    for name in pki.SECRETS:
        assert len((directory / name).read_bytes()) >= 24
        assert (directory / name).read_bytes() != (tmp_path / "other" / name).read_bytes()
    Fernet((directory / "config_key").read_bytes())


def test_openssl_trusts_the_pinned_client_and_the_hosts(directory: Path) -> None:
    def verifies(authority: str, name: str, purpose: str) -> bool:
        argv = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", authority, name]
        return subprocess.run(argv, cwd=directory, capture_output=True).returncode == 0

    assert verifies("ca.crt", "control1.crt", "sslserver")
    assert verifies("ca.crt", "control1.crt", "sslclient")
    assert verifies("manifold.crt", "manifold.crt", "sslclient")
    assert not verifies("ca.crt", "manifold.crt", "sslclient")


def test_two_runs_at_once_make_one_authority(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from ansible_collections.hokku.platform.plugins.modules import pki\n"
        "store = pki.Store(Path(sys.argv[1]), False)\n"
        "with store.locked(): pki.keep_authority(store, 1); print(len(store.actions))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, env=environment)
        for _ in range(3)
    ]
    assert sorted(int(run.communicate()[0]) for run in runs) == [0, 0, 2]
