#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: account
short_description: An account is on the platform
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Makes an account, which takes an admin's token, or changes name and password of the account that acts.
  - The platform lets nobody change another's name or password, and removes no accounts.
options:
  email:
    description: The account's email, which no other account has in any case of its letters.
    type: str
    required: true
  name:
    description: The name of whose it is. Where it is not given, it stays as it is.
    type: str
  password:
    description: The password, of 8 characters or more. A new account needs one.
    type: str
  update_password:
    description:
      - V(on_create) gives O(password) to a new account alone.
      - V(always) also looks whether an account that is there has this password, by logging in. If not, that of the
        acting account is changed, with O(current_password), and the task fails where it is another's.
    type: str
    choices: [on_create, always]
    default: on_create
  current_password:
    description: The acting account's password up to now, without which it cannot be changed.
    type: str
  admin:
    description: Whether a new account is an admin of the platform. It cannot be read back or changed later.
    type: bool
    default: false
  state:
    description: Accounts are there.
    type: str
    choices: [present]
    default: present
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: Basho has an account
  hokku.platform.account:
    email: basho@example.com
    name: Matsuo Basho
    password: "{{ vault_basho_password }}"

- name: The acting account has the password that the vault says
  hokku.platform.account:
    email: admin@example.com
    password: "{{ vault_admin_password }}"
    current_password: "{{ vault_admin_password_before }}"
    update_password: always
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["account basho@example.com made"]
account:
  description: The account after the task.
  returned: when there is one; in check mode not one that would be made
  type: dict
  contains:
    id:
      description: The account's id.
      type: str
    email:
      description: Its email.
      type: str
    name:
      description: The name of whose it is.
      type: str
    created_at:
      description: When it was made, in UTC.
      type: str
    updated_at:
      description: When it was changed last, in UTC.
      type: str
"""

from base64 import b64encode

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._people import account, email
from ansible_collections.hokku.platform.plugins.module_utils._platform import run

SHORTEST = 8  # characters of a password


def fits(module, whose, password):
    """Whether the account has this password, found out by logging in with it."""
    header = "Basic " + b64encode(f"{whose}:{password}".encode()).decode()
    try:
        return bool(module.api.get("/account", {"Authorization": header}))
    except ApiError as error:
        if error.status == 401:
            return False
        raise


def make(module, whose):
    params = module.params
    if params["password"] is None:
        raise ApiError(f"There is no account {whose}: give the password that it is made with.")
    if module.check:
        module.api.list("/accounts", most=1)  # is refused to whoever may not make accounts either
    body = {"email": whose, "password": params["password"], "name": params["name"], "admin": params["admin"]}
    module.differs("account", None, {"email": whose, "name": params["name"], "admin": params["admin"]})
    module.differs("password", None, params["password"], secret=True)
    return module.act(f"account {whose} made", "POST", "/accounts", body)


def change(module, whose, row):
    params, body = module.params, {}
    if params["name"] is not None and module.differs("name", row["name"], params["name"]):
        body["name"] = params["name"]
    always = params["update_password"] == "always" and params["password"] is not None
    if always and not fits(module, whose, params["password"]):
        module.differs("password", "the old one", "the new one", secret=True)
        body["new_password"] = params["password"]
    if not body:
        return row
    what = " and ".join(name.removeprefix("new_") for name in body)
    if module.api.get("/account")["id"] != row["id"]:
        raise ApiError(
            f"The {what} of {whose} differs, and is for {whose} alone to change: act with a token of theirs."
        )
    if "new_password" in body:
        body["password"] = params["current_password"]
        if body["password"] is None or not fits(module, whose, body["password"]):
            raise ApiError(f"current_password is not the password that {whose} has now: without it none is changed.")
    return module.act(f"{what} of {whose} changed", "PATCH", "/account", body) or row | {
        "name": body.get("name", row["name"])
    }


def work(module):
    whose, password = email(module.params["email"]), module.params["password"]
    if password is not None and len(password) < SHORTEST:
        raise ApiError(f"password has {len(password)} characters: give {SHORTEST} or more.")
    found = module.api.find(path("users", whose))
    row = make(module, whose) if found is None else change(module, whose, found)
    module.done(**({"account": account(row)} if row else {}))


def main():
    run(
        work,
        {
            "email": {"type": "str", "required": True},
            "name": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "update_password": {
                "type": "str",
                "choices": ["on_create", "always"],
                "default": "on_create",
                "no_log": False,
            },
            "current_password": {"type": "str", "no_log": True},
            "admin": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["present"], "default": "present"},
        },
    )


if __name__ == "__main__":
    main()
