#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: app
short_description: An application is there, or is not
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Creates, renames, gives away and destroys an application, and chooses the stack of its next build.
  - What else belongs to it has a module of its own, among them M(hokku.platform.maintenance).
options:
  name:
    description: The application's name.
    type: str
    required: true
  state:
    description:
      - Whether it is there.
      - V(absent) destroys it with its dynos, releases, config vars and domains, for ever, and wants O(confirm).
    type: str
    choices: [present, absent]
    default: present
  stack:
    description:
      - The stack of its next build. What runs stays on the stack that it was built for.
      - A new application gets the platform's default where it is not given.
    type: str
  owner:
    description:
      - The email or id of the account that owns it. Who owned it before stays as a collaborator.
      - An application is given away at once by an admin of the platform, or to one of its collaborators. What another
        account would have to accept first is refused.
    type: str
  renamed_from:
    description:
      - The name it had before. Where no application is called O(name) and one is called so, that one is renamed.
      - Its git and web addresses change with it.
    type: str
  confirm:
    description: Its name once more, as in C(heroku apps:destroy). Wanted by O(state=absent).
    type: str
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
seealso:
  - module: hokku.platform.app_info
"""

EXAMPLES = r"""
- name: The shop is there
  hokku.platform.app:
    name: shop
    stack: debian-12
    owner: ann@example.com

- name: The shop is called store from now on
  hokku.platform.app:
    name: store
    renamed_from: shop

- name: Last year's fair is gone
  hokku.platform.app:
    name: fair-2025
    state: absent
    confirm: fair-2025
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["app shop created"]
app:
  description: The application as it is. What is only said in check mode is not in it.
  returned: when it is there
  type: dict
  contains:
    build_stack: {description: The stack of the next build., type: str, returned: success, sample: debian-12}
    created_at: {description: When it was created., type: str, returned: success, sample: "2026-01-01T12:00:00Z"}
    git_url: {description: Where to push., type: str, returned: success}
    id: {description: Its id., type: str, returned: success}
    language: {description: What its slug was built as., type: str, returned: success, sample: Python}
    maintenance: {description: Whether maintenance mode is on., type: bool, returned: success}
    name: {description: Its name., type: str, returned: success, sample: shop}
    owner: {description: Its owner's email., type: str, returned: success, sample: ann@example.com}
    region: {description: Where it runs., type: str, returned: success}
    released_at: {description: When it was released last., type: str, returned: success}
    slug_size: {description: Bytes of its slug., type: int, returned: success}
    stack: {description: The stack that runs., type: str, returned: success, sample: debian-12}
    web_url: {description: Where it answers., type: str, returned: success}
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._app import about, checked_name
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def destroy(module):
    name, confirm = module.params["name"], module.params["confirm"]
    if confirm != name:
        raise ApiError(f"confirm is {confirm!r}: to destroy {name} and all that belongs to it for ever, say {name}.")
    if module.api.find(path("apps", name)) is not None:
        module.differs("state", "present", "absent")
        module.act(f"app {name} destroyed", "DELETE", path("apps", name))
    module.done()


def owns(account, wanted):
    """Whether the account is the one that is meant, by id or email."""
    return wanted.lower() in (account["id"], account["email"].lower())


def may_give(api, app, wanted):
    """Raises ApiError unless the API gives the app (None: a new one) to that account at once."""
    if app is not None:
        rows = api.list(path("apps", app["id"], "collaborators"))
        if any(owns(row["user"], wanted) for row in rows):
            return
    try:
        accounts = api.list("/accounts")
    except ApiError as error:
        if error.status != 403:
            raise
        raise ApiError(
            f"owner is {wanted}, who would have to accept the app first: make them a collaborator before, or use the "
            "token of an admin."
        ) from None
    if not any(owns(account, wanted) for account in accounts):
        raise ApiError(f"owner is {wanted}, who has no account here: create the account first.")


def give(module, app, name, wanted):
    """Have the account own the app; `app` is None where it would only be created."""
    said = f"app {name} given to {wanted}"
    if app is None:
        module.actions.append(said)
        return
    body = {"app": app["id"], "recipient": wanted}
    answer = module.act(said, "POST", "/account/app-transfers", body)
    if answer is not None and answer["state"] != "accepted":
        module.actions[-1] = f"app {name} offered to {wanted}"
        raise ApiError(f"{name} is only offered to {wanted}, who has to accept it: see `heroku apps:transfer`.")


def known_stack(module, stack):
    """The name of the stack with this name or id; `cedar` is the default. Raises ApiError for one that is not there."""
    rows = module.api.list("/stacks")
    for row in rows:
        if stack in (row["name"], row["id"]) or (stack == "cedar" and row["default"]):
            return row["name"]
    names = ", ".join(row["name"] for row in rows)
    raise ApiError(f"stack is {stack}, which is not known here: use one of {names}.")


def create(module, name):
    """A new app; None in check mode."""
    wanted, stack = module.params["owner"], module.params["stack"]
    mine = module.api.get("/account") if wanted else None
    given = wanted and not owns(mine, wanted)
    if given:
        may_give(module.api, None, wanted)
    module.differs("state", "absent", "present")
    if stack and module.check:
        known_stack(module, stack)
    module.differs("stack", None, stack)
    body = {"name": name, **({"stack": stack} if stack else {})}
    made = module.act(f"app {name} created", "POST", "/apps", body)
    if given:
        module.differs("owner", mine["email"], wanted)
        give(module, made, name, wanted)
    return made


def change(module, app, name):
    """The app that is there has this name, stack and owner."""
    wanted, stack = module.params["owner"], module.params["stack"]
    given = wanted and not owns(app["owner"], wanted)
    if given:
        may_give(module.api, app, wanted)
    body, said = {}, []
    if module.differs("name", app["name"], name):
        body["name"] = name
        said.append(f"app {app['name']} renamed {name}")
    if stack and stack != app["build_stack"]["name"]:
        stack = known_stack(module, stack)
    if stack and module.differs("stack", app["build_stack"]["name"], stack):
        body["build_stack"] = stack
        said.append(f"build stack of {name} set to {stack}")
    if body:
        module.act(said.pop(0), "PATCH", path("apps", app["id"]), body)
        module.actions += said
    if given:
        module.differs("owner", app["owner"]["email"], wanted)
        give(module, app, name, wanted)


def work(module):
    name, former = checked_name(module.params["name"]), module.params["renamed_from"]
    if module.params["state"] == "absent":
        destroy(module)
    if former is not None:
        checked_name(former, "renamed_from")
    found = module.api.find(path("apps", name))
    if found is None and former is not None:
        found = module.api.find(path("apps", former))
    if found is None:
        found = create(module, name)
    else:
        change(module, found, name)
    if module.actions and not module.check:
        found = module.api.get(path("apps", found["id"]))
    module.done(**({"app": about(found)} if found else {}))


def main():
    run(
        work,
        {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "stack": {"type": "str"},
            "owner": {"type": "str"},
            "renamed_from": {"type": "str"},
            "confirm": {"type": "str"},
        },
        required_if=[("state", "absent", ["confirm"])],
    )


if __name__ == "__main__":
    main()
