#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgresql_tenant
short_description: A PostgreSQL role that logs in, and the database it owns
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Runs C(psql) as the operating system's user C(postgres), with its statements on standard input.
  - Only the SCRAM-SHA-256 verifier of the password is sent to the server, so that the password is in no
    argument list, no server log and no result. A password that is already right is left alone.
options:
  name:
    description: Name of the role and of its database.
    type: str
    required: true
  password:
    description: The role's password, of printable ASCII characters.
    type: str
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: debian
"""

EXAMPLES = r"""
- name: The platform has its database
  hokku.platform.postgresql_tenant:
    name: hokku
    password: "{{ lookup('ansible.builtin.file', '/etc/hokku-secrets/database_password') }}"
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: ["role hokku: made", "database hokku: made"]
"""

import base64
import hashlib
import hmac
import re
import secrets
import shutil

from ansible.module_utils.basic import AnsibleModule

ITERATIONS = 4096
VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")


def verifier(password, salt, iterations=ITERATIONS):
    """What PostgreSQL stores for `password` (RFC 5803, as scram_build_secret() writes it)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, hashlib.sha256(client_key).digest(), server_key)]
    return f"SCRAM-SHA-256${iterations}:{parts[0]}${parts[1]}:{parts[2]}"


def matches(stored, password):
    """Whether the verifier `stored` is of `password`."""
    found = VERIFIER.fullmatch(stored)
    if not found:
        return False
    salt, iterations = base64.b64decode(found[2]), int(found[1])
    return hmac.compare_digest(stored, verifier(password, salt, iterations))


def identifier(name):
    """`name` quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    """`text` quoted as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


class Psql:
    """psql of this host, as the superuser."""

    def __init__(self, module):
        self.module = module
        self.argv = ["runuser", "-u", "postgres", "--", "psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]

    def __call__(self, statement):
        """The rows that `statement` gives, one string each; fails the module with psql's last line."""
        status, out, err = self.module.run_command(self.argv, data=statement + ";\n", cwd="/")
        if status != 0:
            lines = [line for line in err.splitlines() if line.strip()] or ["psql failed"]
            self.module.fail_json(msg=f"PostgreSQL on this host refused: {lines[0]}")
        return out.splitlines()


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    name, password = module.params["name"], module.params["password"]
    if not password.isascii() or not password.isprintable():
        module.fail_json(msg="The database password must be of printable ASCII characters: choose another.")
    if module.check_mode and not shutil.which("psql"):
        # A host that PostgreSQL would be installed on first: everything would be made.
        module.exit_json(changed=True, actions=[f"role {name}: made", f"database {name}: made"])
    psql = Psql(module)
    actions = []

    def act(statement, what):
        actions.append(what)
        if not module.check_mode:
            psql(statement)

    stored = psql(f"SELECT coalesce(rolpassword, '') FROM pg_authid WHERE rolname = {literal(name)} AND rolcanlogin")
    if not stored or not matches(stored[0], password):
        proof = literal(verifier(password, secrets.token_bytes(16)))
        if stored:
            act(f"ALTER ROLE {identifier(name)} PASSWORD {proof}", f"role {name}: password set")
        else:
            act(f"CREATE ROLE {identifier(name)} LOGIN PASSWORD {proof}", f"role {name}: made")
    owner = psql(
        f"SELECT rolname FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba WHERE datname = {literal(name)}"
    )
    if not owner:
        act(
            f"CREATE DATABASE {identifier(name)} OWNER {identifier(name)} TEMPLATE template0 ENCODING 'UTF8' "
            "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'",
            f"database {name}: made",
        )
    elif owner[0] != name:
        act(f"ALTER DATABASE {identifier(name)} OWNER TO {identifier(name)}", f"database {name}: owner set")
    module.exit_json(changed=bool(actions), actions=actions)


if __name__ == "__main__":
    main()
