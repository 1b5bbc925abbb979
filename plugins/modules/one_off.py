#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: one_off
short_description: A command runs in a one-off dyno of an application
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Runs a command with the slug and config vars of the application's current release, in a dyno of its own, and
    waits for its end, as C(heroku run) does; or starts it and goes on, as C(heroku run:detached).
  - The command is begun at most once, and nothing tells whether its work is done already, so it is run each time.
    It gets no input.
  - Waiting goes over the platform's rendezvous, a TLS port (5000) beside the API's that must be open from where
    the module runs. When the module is stopped, so is the command.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  command:
    description:
      - What to run. A string is run by a shell in the dyno, and a process type as its first word stands for that
        type's command; of a list, each element is one word, whatever is in it.
    type: raw
    required: true
  env:
    description: Environment variables that the command has over those of the release. Their values are not shown.
    type: dict
    default: {}
  size:
    description: The dyno's size, such as V(standard-2x). The platform's default otherwise.
    type: str
  detach:
    description:
      - Whether to go on once it is asked for. Its output goes to the application's log then, and its end is not
        told.
    type: bool
    default: false
  time_to_live:
    description:
      - Seconds after which the command is ended, from 1 to 86400. An hour when it is waited for, else a day,
        unless given.
    type: int
  ignore_status:
    description: Whether a command that exits with another status than 0 is no failure.
    type: bool
    default: false
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: partial
    details: The command is not run, and the task is skipped.
  diff_mode:
    support: none
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: Prices are imported
  hokku.platform.one_off:
    app: shop
    command: [bin/import, "prices of today.csv"]
    env:
      IMPORT_TOKEN: "{{ import_token }}"
    size: standard-2x

- name: Users are counted
  hokku.platform.one_off:
    app: shop
    command: python manage.py count_users | tail -1
  register: counted
  changed_when: false

- name: A long report goes on by itself
  hokku.platform.one_off:
    app: shop
    command: report --of-all-years
    detach: true
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: ["`report` run in run.4321"]
dyno:
  description: The dyno's name.
  returned: when the command was run
  type: str
  sample: run.4321
status:
  description: The command's exit status.
  returned: when its end was waited for and told
  type: int
  sample: 0
output:
  description: What it said on stdout and stderr, the last 8 MB of it.
  returned: when its end was waited for
  type: str
  sample: "42 users\n"
output_lines:
  description: The same as lines.
  returned: when its end was waited for
  type: list
  elements: str
  sample: ["42 users"]
output_cut:
  description: Whether there was more than that.
  returned: when its end was waited for
  type: bool
  sample: false
"""

import shlex
import time

from ansible_collections.hokku.platform.plugins.module_utils import _rendezvous
from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path, trust
from ansible_collections.hokku.platform.plugins.module_utils._platform import MASK, run

_HOUR = 3600  # seconds
_DAY = 86400
_MARGIN = 180  # seconds that the dyno may take to start and to end, beside its time to live
_LAST = 5  # lines of the output that a failure's sentence has
_COMMON = 6  # characters that a value must have to be looked for in all that the module says


def work(module):
    wanted = module.params
    command, env = _command(wanted["command"]), _environment(module)
    seconds = wanted["time_to_live"]
    if seconds is None:
        seconds = _DAY if wanted["detach"] else _HOUR
    if not 1 <= seconds <= _DAY:
        raise ApiError(f"time_to_live is {seconds}: give a number of seconds from 1 to {_DAY}.")
    if module.check:
        module.ansible.exit_json(changed=False, skipped=True, actions=[], msg="A command is not run in check mode.")
    body = {
        "command": command if wanted["detach"] else command + _rendezvous.TELL,
        "attach": not wanted["detach"],
        "env": env,
        "time_to_live": seconds,
    }
    if wanted["size"] is not None:
        body["size"] = wanted["size"]
    dyno = module.act(f"`{command}` run", "POST", path("apps", wanted["app"], "dynos"), body)
    module.actions[-1] += f" in {dyno['name']}"
    if wanted["detach"]:
        module.done(dyno=dyno["name"])
    context, began = trust(wanted["ca_file"]), time.monotonic()
    ended = _rendezvous.attend(dyno["attach_url"], context, seconds + _MARGIN)
    _tell(module, dyno["name"], ended, seconds if time.monotonic() - began >= seconds else None)


def _tell(module, name, ended, lived):
    """End the module with how the command ended; `lived`: the time to live that is over, or None."""
    result = {"dyno": name, "output": ended.output, "output_lines": ended.output.splitlines(), "output_cut": ended.cut}
    last = " / ".join(line.strip() for line in result["output_lines"][-_LAST:] if line.strip()) or "it said nothing"
    if ended.status is None:
        app = module.params["app"]
        if lived is not None:
            module.fail(f"{name} lived for {lived} s, and was ended ({last}): raise time_to_live.", **result)
        module.fail(
            f"{name} ended before its command said how it went ({last}): `heroku logs -a {app} -d {name}` tells more.",
            **result,
        )
    if ended.status != 0 and not module.params["ignore_status"]:
        module.fail(f"The command exited with status {ended.status}: {last}", status=ended.status, **result)
    module.done(status=ended.status, **result)


def _command(given):
    """The command as the dyno's shell takes it; raises ApiError."""
    if isinstance(given, list) and given and all(isinstance(word, (str, int, float)) for word in given):
        return shlex.join(str(word) for word in given)
    if isinstance(given, str) and given.strip():
        return given
    raise ApiError("command is empty, or neither a string nor a list of words: say what to run.")


def _environment(module):
    """The variables as text. What the module says of its own invocation has their names alone."""
    given = module.params["env"]
    for name, value in given.items():
        if not isinstance(value, (str, int, float, bool)):
            raise ApiError(f"env has no text for {name}: give a string or a number.")
    env = {str(name): str(value) for name, value in given.items()}
    module.params["env"] = dict.fromkeys(env, MASK)
    # Ansible blots out the values of no_log wherever they stand: short and common ones ("1", "True") would take the
    # result's numbers and its `changed` with them, and tell nobody anything.
    common = {value for value in env.values() if len(value) < _COMMON}
    module.ansible.no_log_values -= common
    return env


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "command": {"type": "raw", "required": True},
            "env": {"type": "dict", "default": {}, "no_log": True},
            "size": {"type": "str"},
            "detach": {"type": "bool", "default": False},
            "time_to_live": {"type": "int"},
            "ignore_status": {"type": "bool", "default": False},
        },
    )


if __name__ == "__main__":
    main()
