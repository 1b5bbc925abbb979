# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a file that holds an app, with its secrets, where Ansible's vault passwords are: on the controller."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.hokku.platform.plugins.module_utils import _app_file
from ansible_collections.hokku.platform.plugins.module_utils._app_file import AppFileError

_MOST = 10_000  # values in a file


def plain(node):
    """The same of Python's own types: decrypted where a value is encrypted, and not to be templated."""
    if isinstance(node, Mapping):
        return {plain(key): plain(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [plain(each) for each in node]
    if node is None or isinstance(node, (bool, date)):
        return node
    for kind in (int, float):
        if isinstance(node, kind):
            return kind(node)
    return "".join(str(node))


def vault_path(path):
    """The file with the secrets of the app in `path`: apps/hello.yml has apps/hello.vault.yml."""
    return f"{path.removesuffix('.yml')}.vault.yml"


def _written_out(node, said, sizes):
    """How many values the YAML node is when all that its aliases lead to is written out; `sizes` are those known.

    Raises AppFileError where that has no end, or where a name stands twice.
    """
    if id(node) in sizes:
        if sizes[id(node)] is None:
            raise AppFileError(f"{said}: an alias (*NAME) leads back to itself: write out what is meant.")
        return sizes[id(node)]
    sizes[id(node)] = None
    within = []
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode)]
        if "<<" in names:
            raise AppFileError(f"{said}: << is not taken: write out what is meant.")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise AppFileError(f"{said}: {twice[0]} stands there twice: leave one out.")
        within = [value for _key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        within = node.value
    sizes[id(node)] = 1 + sum(_written_out(each, said, sizes) for each in within)
    if sizes[id(node)] > _MOST:
        raise AppFileError(f"{said}: it has more than {_MOST} values: leave out what is not needed.")
    return sizes[id(node)]


class ActionModule(ActionBase):
    """Nothing of this runs on a host."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        given = self.validate_argument_spec({"path": {"type": "str", "required": True}})[1]
        try:
            result["app"] = self._app(given["path"], (task_vars or {}).get("hokku_app_secrets", {}))
            result["told"] = _app_file.told(result["app"])
        except AppFileError as error:
            return {**result, "failed": True, "msg": str(error)}
        # Its values are secret. A refusal names none of them, so it is never hidden.
        return {**result, "changed": False, "_ansible_no_log": True}

    def _app(self, given, inventory_secrets):
        path = os.path.abspath(os.path.expanduser(given))
        if not path.endswith(".yml") or path.endswith(".vault.yml"):
            raise AppFileError(f"{given}: a file that holds an app is called NAME.yml.")
        stem = os.path.basename(path).removesuffix(".yml")
        content, vault = self._read(path, given), vault_path(path)
        known = plain(self._templar.template(inventory_secrets))
        secrets = dict(known.get(stem) or {}) if isinstance(known, dict) else {}
        if os.path.exists(vault):
            own = self._read(vault, vault_path(given))
            if not isinstance(own, dict):
                raise AppFileError(f"{vault_path(given)}: it is no mapping: give names and values.")
            secrets |= own
        app = _app_file.app(content, stem, given, secrets, vault_path(given))
        self._look_around(app, given, os.path.dirname(path))
        return app

    def _read(self, path, said):
        if not os.path.isfile(path):
            raise AppFileError(f"There is no file {said}: docs/apps.md says what one looks like.")
        self._refuse_odd(path, said)
        try:
            return plain(self._loader.load_from_file(path, cache="none"))
        except AnsibleError as error:
            told = " ".join(str(getattr(error, "message", error)).split())
            raise AppFileError(f"{said} cannot be read: {told}") from None

    def _refuse_odd(self, path, said):
        """Raises AppFileError for what never ends or stands twice, of which Ansible prints the lines, secrets too."""
        try:
            root = yaml.compose(self._loader._get_file_contents(path)[0].decode(), Loader=yaml.SafeLoader)
        except (AnsibleError, yaml.YAMLError, UnicodeError):
            return  # who reads it says so
        _written_out(root, said, {})

    def _look_around(self, app, said, folder):
        """Make paths absolute and texts of the files of certificates. Raises AppFileError for what is not there."""
        source = app["source"] or {}
        if source.get("path") is not None:
            source["path"] = os.path.normpath(os.path.join(folder, source["path"]))
            if not os.path.isdir(source["path"]):
                raise AppFileError(f"{said}: source.path leads to {source['path']}: there is no such folder.")
        for number, certificate in enumerate(app["certificates"] or []):
            for key in ("certificate_file", "key_file"):
                path = os.path.join(folder, certificate.pop(key))
                if not os.path.isfile(path):
                    raise AppFileError(f"{said}: certificates[{number}].{key} leads to {path}: there is no such file.")
                content = self._loader._get_file_contents(path)[0]
                certificate[key.removesuffix("_file")] = content.decode(errors="replace")
