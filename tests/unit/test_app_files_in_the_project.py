"""App files where the whole project is: its own Ansible reads them, and its page tells of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.hokku.platform.plugins.module_utils import _app_file

ROOT = Path(__file__).parents[2]
PASSWORD = b"a-vault-password"


def test_the_page_about_app_files_tells_each_key() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "apps.md").read_text(), re.MULTILINE))
    assert told == set(_app_file.KEYS)


def test_a_value_may_be_encrypted_in_the_file_itself_and_ansible_prints_nothing_of_it(tmp_path: Path) -> None:
    sealed = VaultLib([("default", VaultSecret(PASSWORD))]).encrypt("inline-secret").decode()
    body = "\n".join(f"    {line}" for line in sealed.splitlines())
    path = tmp_path / "shop.yml"
    path.write_text(f"name: shop\nconfig:\n  KEY: !vault |\n{body}\n")
    password = tmp_path / "password"
    password.write_text(PASSWORD.decode())
    argv = [Path(sys.executable).with_name("ansible"), "-vvv", "-i", "localhost,", "-c", "local", "localhost"]
    argv += ["-m", "hokku.platform.app_file_info", "-a", f"path={path}", "--vault-password-file", password]
    done = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "censored" in done.stdout
    assert "inline-secret" not in done.stdout + done.stderr
