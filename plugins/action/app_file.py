# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a file that holds an app, and beside it one with its secrets, encrypted where Ansible has a vault password."""

from __future__ import annotations

import os
import tempfile

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.vault import is_encrypted_file
from ansible.plugins.action import ActionBase
from ansible_collections.hokku.platform.plugins.action.app_file_info import plain, vault_path
from ansible_collections.hokku.platform.plugins.module_utils import _app_file
from ansible_collections.hokku.platform.plugins.module_utils._app_file import AppFileError

HEAD = """\
# All that the app is, as `ansible-playbook playbooks/deploy.yml -e app={name}` makes it (docs/apps.md).
# Values of `secrets` stand in {vault}. Private keys of certificates cannot be read from the platform:
# certificates are not named here, and so are left as they are.
"""
VAULT_HEAD = "# Secret values by name, for {file}. Encrypt this file: ansible-vault encrypt {own}\n"


def split(app):
    """The app as its file says it, and its secrets by name: config vars' values, and URLs that may hold one."""
    secrets = dict(app.get("config") or {})
    said = {key: app[key] for key in _app_file.KEYS if app.get(key) is not None and key not in ("config", "secrets")}
    if app.get("config") is not None:
        said["secrets"] = sorted(app["config"])
    for key, one in (("buildpacks", "buildpack"), ("drains", "drain")):
        for number, text in enumerate(said.get(key, [])):
            if key == "drains" or "@" in text or "?" in text:
                name = f"{one}_{number + 1}"
                while name in secrets:
                    name += "_"
                secrets[name] = text
                said[key] = [*said[key][:number], {"secret": name}, *said[key][number + 1 :]]
    order = [key for key in _app_file.KEYS if key in said]
    return {key: said[key] for key in order}, secrets


class _Dumper(yaml.SafeDumper):
    """Indents lists, as yamllint wants them."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def _text(dumper, text):
    """What YAML takes for the end of a line is written as an escape: read again, it would be a space."""
    style = '"' if any(char in text for char in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dumped(content):
    """YAML as people write it."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


class ActionModule(ActionBase):
    """Nothing of this runs on a host."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _result, given = self.validate_argument_spec(
            {
                "path": {"type": "str", "required": True},
                "app": {"type": "dict", "required": True, "no_log": True},
                "overwrite": {"type": "bool", "default": False},
            }
        )
        try:
            return {**result, **self._write(given["path"], plain(given["app"]), given["overwrite"])}
        except AppFileError as error:
            return {**result, "failed": True, "msg": str(error)}
        except OSError as error:
            return {**result, "failed": True, "msg": f"{error.filename} cannot be written: {error.strerror}."}

    def _write(self, said, app, overwrite):
        path, vault = os.path.abspath(os.path.expanduser(said)), os.path.abspath(vault_path(os.path.expanduser(said)))
        content, secrets = split(app)
        _app_file.app(content, os.path.basename(path).removesuffix(".yml"), said, secrets, vault_path(said))
        before, secrets_before = self._found(path), self._found(vault)
        changed = [
            path for path, now, found in ((path, content, before), (vault, secrets, secrets_before)) if now != found
        ]
        if changed and not overwrite and (before is not None or secrets_before is not None):
            there = [path for path, found in ((path, before), (vault, secrets_before)) if found is not None]
            raise AppFileError(
                f"{' and '.join(there)} would be written over, and what the app is now differs from it: give another "
                f"file (-e to=…), or -e overwrite=true."
            )
        sealing = bool(self._loader._vault.secrets)
        if sealing and secrets_before is not None and vault not in changed and not self._is_sealed(vault):
            changed.append(vault)  # it says the same, for everybody to read
        names = {"app": app["name"], "name": app["name"], "file": os.path.basename(path), "own": vault_path(said)}
        text = HEAD.format(vault=os.path.basename(vault), **names) + dumped(content)
        if not self._task.check_mode:
            if vault in changed:
                self._keep(vault, self._sealed(VAULT_HEAD.format(**names) + dumped(secrets), sealing), 0o600)
            if path in changed:
                self._keep(path, text.encode(), 0o644)
        would_be_written = self._task.check_mode and vault in changed
        encrypted = sealing if would_be_written else self._is_sealed(vault)
        note = "the secrets are encrypted with Ansible's vault password"
        if not encrypted:
            note = (
                f"NOT encrypted, because no vault password is configured: {vault_path(said)} has mode 0600, and "
                f"belongs into no repository before `ansible-vault encrypt {vault_path(said)}`"
            )
        diff = [
            {
                "before_header": path, "after_header": path,
                "before": "" if before is None else dumped(before), "after": dumped(content),
            },
            {
                "before_header": vault, "after_header": vault,
                "before": masked(secrets_before or {}, secrets), "after": masked(secrets, secrets_before or {}),
            },
        ]  # fmt: skip
        return {
            "changed": bool(changed), "files": [path, vault], "encrypted": encrypted,
            "note": f"{vault_path(said)}: {note}.", "diff": diff,
        }  # fmt: skip

    def _found(self, path):
        if not os.path.exists(path):
            return None
        try:
            return plain(self._loader.load_from_file(path, cache="none"))
        except AnsibleError as error:
            raise AppFileError(f"{path} cannot be read: {' '.join(str(error).split())}") from None

    def _is_sealed(self, path):
        """Whether the file on disk is encrypted."""
        with open(path, "rb") as file:
            return is_encrypted_file(file)

    def _sealed(self, text, sealing):
        return self._loader._vault.encrypt(text) if sealing else text.encode()

    def _keep(self, path, content, mode):
        """Have the file hold `content`, and never half of it; nobody else may read it on its way."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, part = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(part, mode)
            os.replace(part, path)
        except OSError:
            os.unlink(part)
            raise


def masked(values, others):
    """Names, and of each value only whether it is the same as in `others`."""
    return "".join(
        f"{name}: ******** ({'same' if others.get(name) == values[name] else 'differs'})\n" for name in values
    )
