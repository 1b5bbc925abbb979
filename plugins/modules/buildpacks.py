#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: buildpacks
short_description: The buildpacks of an application's next build
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - The application has exactly these buildpacks, in this order. With none, the platform's own detect what it is.
  - User, password and query of a URL are never told.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  buildpacks:
    description:
      - Names such as V(heroku/python) or V(python), and URLs of git repositories (V(#REF) for a branch, tag or commit)
        or of tarballs over https.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: URLs are told without user, password and query.
seealso:
  - module: hokku.platform.buildpacks_info
"""

EXAMPLES = r"""
- name: The shop's assets are built with Node.js, and then it is a Python application
  hokku.platform.buildpacks:
    app: shop
    buildpacks:
      - heroku/nodejs
      - heroku/python

- name: The shop is detected
  hokku.platform.buildpacks:
    app: shop
    buildpacks: []
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["buildpacks set to heroku/nodejs, heroku/python"]
buildpacks:
  description: The buildpacks that the application has then, without what is secret in a URL.
  returned: success
  type: list
  elements: str
  sample: ["heroku/nodejs", "heroku/python"]
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._app import buildpacks, masked, secrets_of
from ansible_collections.hokku.platform.plugins.module_utils._buildpacks import canonical
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def refuse_unknown(api, names):
    """Raises ApiError for a name that the platform will not know."""
    for name in names:
        if "://" not in name and api.find(path("buildpacks", *name.split("/"), "readme")) is None:
            raise ApiError(f"Buildpack {name} is not known here: `heroku buildpacks:search` lists those that are.")


def work(module):
    app, given = module.params["app"], module.params["buildpacks"]
    secrets = [secret for name in given for secret in secrets_of(name)]
    module.conceal("buildpacks", [masked(name) for name in given], secrets)
    wanted = [canonical(name) for name in given]
    twice = [masked(name) for name in wanted if wanted.count(name) > 1]
    if twice:
        raise ApiError(f"The buildpack {twice[0]} is named twice: an app has each once.")
    present = buildpacks(module.api, app, secrets=True)
    then = [masked(name) for name in wanted]
    if present != wanted:
        before = [masked(name) for name in present]
        told = then if before != then else [f"{each} (with another secret)" for each in then]
        if module.check:
            refuse_unknown(module.api, wanted)
        module.differs("buildpacks", before, told)
        said = f"buildpacks set to {', '.join(then)}" if then else "buildpacks cleared"
        body = {"updates": [{"buildpack": name} for name in wanted]}
        module.act(said, "PUT", path("apps", app, "buildpack-installations"), body)
    module.done(buildpacks=then)


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "buildpacks": {"type": "list", "elements": "str", "required": True, "no_log": True},
        },
    )


if __name__ == "__main__":
    main()
