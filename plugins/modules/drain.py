#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: drain
short_description: An application's log lines go to these drains
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Forwards an application's log lines to syslog or HTTPS servers.
  - A URL may hold a password or a token, so that the task shows of it only host, port and scheme.
  - All drains of an application are one task.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  url:
    description:
      - One URL, of V(syslog://), V(syslog+tls://), V(https://) or V(http://). Another password makes another drain.
      - One of O(url) and O(urls) is given.
    type: str
  urls:
    description: Several URLs, 5 at most.
    type: list
    elements: str
  state:
    description: Whether they are the application's drains.
    type: str
    choices: [present, absent]
    default: present
  exact:
    description: Whether all its other drains are removed.
    type: bool
    default: false
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
- name: The shop's lines go to the archive and nowhere else
  hokku.platform.drain:
    app: shop
    url: "https://shop:{{ vault_archive_password }}@logs.example.com/lines"
    exact: true

- name: Nothing is forwarded
  hokku.platform.drain:
    app: shop
    urls: []
    exact: true
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["drain to logs.example.com:443 (https) added"]
drains:
  description: The application's drains after the task. One that check mode would add has neither id nor token.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The drain's id.
      type: str
    token:
      description: What it is called in each line that is sent to it. It is no credential.
      type: str
    where:
      description: Host, port and scheme of its URL, the rest of which is never told here.
      type: str
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._drains import checked, shown, where
from ansible_collections.hokku.platform.plugins.module_utils._platform import run
from ansible_collections.hokku.platform.plugins.module_utils._several import argument_spec, constraints, given, moves

MOST = 5  # of one application


def told(row):
    """A drain in a diff: by its token two with the same host are told apart."""
    return f"{where(row['url'])}, {row['token'] or 'new'}"


def work(module):
    params = module.params
    wanted, address = given(params, "url", "urls", checked), path("apps", params["app"], "log-drains")
    if params["state"] == "present" and len(wanted) > MOST:
        raise ApiError(f"{len(wanted)} drains are wanted: an app can have {MOST}. Leave some out.")
    found = {row["url"]: row for row in module.api.list(address, "created_at ..")}
    before = [told(row) for row in found.values()]
    added, removed = moves(found, wanted, params)
    if len(found) - len(removed) + len(added) > MOST:
        raise ApiError(
            f"{params['app']} has {len(found)} drains and can have {MOST}: remove some, or say which with exact."
        )
    steps = [(add, added), (remove, removed)]
    # New ones come first, so that no line is sent nowhere and a refusal costs no drain; unless there is no room.
    for step, urls in steps if len(found) + len(added) <= MOST else reversed(steps):
        for url in urls:
            step(module, address, url, found)
    module.differs("drains", before, [told(row) for row in found.values()])
    module.done(drains=[shown(row) for row in found.values()])


def add(module, address, url, found):
    answer = module.act(f"drain to {where(url)} added", "POST", address, {"url": url})
    found[url] = answer or {"id": None, "token": None, "url": url}


def remove(module, address, url, found):
    gone = found.pop(url)  # by its id: a URL would stand in the logs of what is on the way
    module.act(f"drain to {where(url)} removed", "DELETE", f"{address}/{gone['id']}")


def main():
    spec = {"app": {"type": "str", "required": True}, **argument_spec("url", "urls", secret=True)}
    run(work, spec, **constraints("url", "urls"))


if __name__ == "__main__":
    main()
