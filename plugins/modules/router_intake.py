#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: router_intake
short_description: A router takes requests, or none any more
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Speaks to HAProxy on this host through its socket, so it needs no token.
  - Closing waits until nobody asks here any more, then gives the ports up and waits until the last connection has
    ended. The manifold goes on telling the router its routes, so that it can be opened again at any time.
  - A reload or restart of HAProxy, or of the host, opens it again.
options:
  state:
    description: Whether it takes requests.
    type: str
    choices: [open, closed]
    required: true
  quiet:
    description:
      - For so many seconds nobody may have asked for an application before it is closed. Requests for names that no
        application has do not count, so that a load balancer may go on probing.
      - With 0 it is closed at once. Who asks meanwhile is refused and has to try another router.
    type: int
    default: 20
  wait_timeout:
    description: Seconds for all the waiting.
    type: int
    default: 600
  socket:
    description: HAProxy's socket.
    type: path
    default: /run/haproxy/router.sock
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    support: full
    platforms: debian
"""

EXAMPLES = r"""
- name: No request comes to this router
  hokku.platform.router_intake:
    state: closed
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["closed", "the last of 3 connections ended"]
connections:
  description: Connections of clients that are open.
  returned: success
  type: int
"""

import csv
import socket
import time
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule

FRONTEND = "apps"
NO_APP = "nowhere"  # the backend that answers for names that no app has
ANSWER_SECONDS = 10
PAUSE_SECONDS = 0.5


class IntakeError(Exception):
    """HAProxy does not answer, or the waiting is over, in one sentence."""


@dataclass(frozen=True)
class Intake:
    """What the router takes: whether it listens, open connections, requests for apps since it began."""

    open: bool
    connections: int
    requests: int


def parse(text):
    """The intake by what `show stat` prints. Raises IntakeError where it is not a router of the platform's."""
    rows = {(row["# pxname"], row["svname"]): row for row in csv.DictReader(text.strip().splitlines())}
    try:
        front, nowhere = rows[FRONTEND, "FRONTEND"], rows[NO_APP, "BACKEND"]
        asked = int(front["req_tot"]) - int(nowhere["req_tot"])
        return Intake(front["status"] == "OPEN", int(front["scur"]), asked)
    except (KeyError, ValueError):
        raise IntakeError(f"HAProxy has no frontend {FRONTEND}: is this host one of the routers?") from None


class Router:
    """HAProxy on this host, through its socket."""

    def __init__(self, path):
        self.path = path

    def ask(self, command):
        """What it answers to a command. Raises IntakeError."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(ANSWER_SECONDS)
                connection.connect(self.path)
                connection.sendall(command.encode() + b"\n")
                return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except OSError as error:
            told = error.strerror or "no answer"
            raise IntakeError(
                f"HAProxy does not answer on {self.path} ({told}): start it, or leave this host out."
            ) from None

    def look(self):
        """The intake now."""
        return parse(self.ask("show stat"))

    def turn(self, to_open):
        """Take requests, or take none: the ports are given up, connections that are open stay."""
        told = self.ask(f"{'enable' if to_open else 'disable'} frontend {FRONTEND}").strip()
        if self.look().open is not to_open:
            raise IntakeError(f"HAProxy does not {'open' if to_open else 'close'} frontend {FRONTEND}: {told}")


def wait_for_quiet(router, quiet, deadline):
    """Return once nobody asked for an app for `quiet` seconds. Raises IntakeError at the deadline."""
    began, seen, since = time.monotonic(), router.look(), time.monotonic()
    first = seen.requests
    while time.monotonic() - since < quiet:
        if time.monotonic() > deadline:
            took = time.monotonic() - began
            raise IntakeError(
                f"Clients still come here: {seen.requests - first} requests within {took:.0f} s. Let no name "
                f"of DNS and no load balancer lead to this router, then run this again; it takes requests as before."
            )
        time.sleep(min(PAUSE_SECONDS, quiet))
        now = router.look()
        if now.requests != seen.requests:
            seen, since = now, time.monotonic()


def wait_for_the_last(router, deadline):
    """Return once no connection is open. Raises IntakeError at the deadline."""
    while (left := router.look().connections) > 0:
        if time.monotonic() > deadline:
            raise IntakeError(
                f"{left} connections are still open. No new ones come in any more: run this again to go on waiting. "
                f"Who keeps them is told by `echo show sess | socat - {router.path}`."
            )
        time.sleep(PAUSE_SECONDS)


def work(router, params, check, actions):
    """Do what is asked, and say so in `actions` as it is done; gives the intake before."""
    before = router.look()
    if params["state"] == "open":
        if not before.open:
            if not check:
                router.turn(True)
            actions.append("opened")
        return before
    deadline = time.monotonic() + params["wait_timeout"]
    if before.open:
        if not check:
            wait_for_quiet(router, params["quiet"], deadline)
            router.turn(False)
        actions.append("closed")
    if not check:
        open_then = router.look().connections
        wait_for_the_last(router, deadline)
        if open_then:
            actions.append(f"the last of {open_then} connections ended")
    return before


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["open", "closed"], "required": True},
            "quiet": {"type": "int", "default": 20},
            "wait_timeout": {"type": "int", "default": 600},
            "socket": {"type": "path", "default": "/run/haproxy/router.sock"},
        },
        supports_check_mode=True,
    )
    params = module.params
    for name, least in (("quiet", 0), ("wait_timeout", 1)):
        if params[name] < least:
            module.fail_json(msg=f"{name} is {params[name]}: give a number of seconds, {least} or more.")
    router, result, actions = Router(params["socket"]), {}, []
    try:
        before = work(router, params, module.check_mode, actions)
        result["connections"] = before.connections if module.check_mode else router.look().connections
    except IntakeError as error:
        module.fail_json(msg=str(error), actions=actions, changed=bool(actions))
    if module._diff:
        was = "open" if before.open else "closed"
        result["diff"] = {"before": f"intake: {was}\n", "after": f"intake: {params['state']}\n"}
    module.exit_json(changed=before.open is not (params["state"] == "open"), actions=actions, **result)


if __name__ == "__main__":
    main()
