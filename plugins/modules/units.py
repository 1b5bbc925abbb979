#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: units
short_description: Several systemd units, enabled, and running with the files that are there
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
options:
  names:
    description: The units; with O(state=refreshed) also patterns such as V(hokku-*.service).
    type: list
    elements: str
  sets:
    description:
      - Several sets of units, each with files of its own, instead of O(names) and O(reads). They are seen to in order.
    type: list
    elements: dict
    suboptions:
      names:
        description: As O(names).
        type: list
        elements: str
        required: true
      reads:
        description: As O(reads).
        type: list
        elements: path
        default: []
  state:
    description:
      - Whether they run, or are restarted whatever they do, or reloaded, which starts those that do not run.
      - V(refreshed) is for units that others care for. One that does not run is left alone, and need not be there.
    type: str
    choices: [started, restarted, reloaded, refreshed]
    default: started
  reads:
    description:
      - Files that the units read when they start, as paths and patterns. What is not there does not count.
      - With V(started) and V(refreshed), a unit that was started before the newest of them was written is restarted.
    type: list
    elements: path
    default: []
  newer:
    description:
      - Whether such a unit is restarted or reloaded. V(reloaded) is for units that read all of these files anew then.
      - A reload counts as a start. One that failed is tried again with O(state=started), and not with V(refreshed).
    type: str
    choices: [restarted, reloaded]
    default: restarted
  written:
    description:
      - Files that the tasks before have written. Only check mode looks at it, for there nothing is written, and no time
        tells which of O(reads) would be newer.
    type: list
    elements: path
    default: []
  validate:
    description:
      - A command that must succeed before anything is started, restarted or reloaded. Otherwise the module fails, and
        what runs goes on as it is.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: debian
description:
  - Enables the units and starts those that do not run; systemd reads its files again
    first where one is newer or new, and before every restart or reload.
  - With O(reads) a task does what a handler would, and does it too when an earlier run was broken off before that.
    Nothing need be remembered from one run to the next, for systemd knows when a unit was started and the file system
    when a file was written. A change of owner or mode alone is none.
  - A start counts from its beginning, since a file that is written while a unit starts may have been read before.
  - Clocks are set, and times can lie in the future. Such a file gets the present time before the unit is started,
    restarted or reloaded, and a unit that seems to have been started in the future counts as older than its files.
    So there may be one restart too many, but never one in every run.
  - In check mode a unit that the host does not have yet counts as one that would be enabled and started.
"""

EXAMPLES = r"""
- name: The platform's services run
  hokku.platform.units:
    names: [hokku-api.service, hokku-manifold.service]

- name: HAProxy runs, with its newest configuration
  hokku.platform.units:
    names: [haproxy.service]
    reads: [/etc/haproxy/haproxy.cfg, /etc/hokku/tls/*]
    newer: reloaded

- name: Rsyslog runs, with its newest configuration once that is right
  hokku.platform.units:
    names: [rsyslog.service]
    reads: [/etc/rsyslog.conf, /etc/rsyslog.d/*.conf]
    validate: [rsyslogd, -N1, -f, /etc/rsyslog.conf]
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample:
    - "hokku-api.service: enabled"
    - "hokku-api.service: started"
    - "haproxy.service: reloaded, /etc/haproxy/haproxy.cfg is newer"
"""

import datetime
import fnmatch
import glob
import os
import re
import time

from ansible.module_utils.basic import AnsibleModule

# A unit that waits for its next try is on its way up; starting it again is right, and harmless.
RUNNING = {"active", "reloading"}
READING = {*RUNNING, "activating"}
ENABLED = {"enabled", "static", "indirect"}
PROPERTIES = (
    "Id,LoadState,ActiveState,UnitFileState,NeedDaemonReload,DropInPaths,"
    "InactiveExitTimestamp,StateChangeTimestamp,ReloadResult"
)
VERBS = {"started": "start", "restarted": "restart", "reloaded": "reload-or-restart"}
OWN_FILES = "/etc/systemd/system"


def parse(text):
    """The blocks that `systemctl show` prints, as {unit: {property: value}}."""
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return {block["Id"]: block for block in blocks if block}


def unread(unit):
    """Drop-ins that systemd has not read: it does not notice the first one of a unit."""
    names = {unit["Id"], re.sub("@.*[.]", "@.", unit["Id"])}
    there = {path for name in names for path in glob.glob(f"{OWN_FILES}/{glob.escape(name)}.d/*.conf")}
    return there - set(unit["DropInPaths"].split())


def seconds(text):
    """Seconds since 1970 of a time as `--timestamp=us+utc` prints it; None where there is none."""
    found = re.fullmatch(r"\w+ (\S+ \S+) UTC", text)
    return datetime.datetime.fromisoformat(f"{found[1]}+00:00").timestamp() if found else None


def last_read(unit, reloads):
    """When a unit that runs last began to read its files: at a start, or at a reload whose result counts; or None."""
    times = [seconds(unit["InactiveExitTimestamp"])]
    if unit.get("ReloadResult") in reloads:
        times.append(seconds(unit["StateChangeTimestamp"]))
    return max((at for at in times if at is not None), default=None)


def written_at(patterns):
    """When the files that paths and patterns name were written: {path: seconds since 1970}."""
    found = {path for pattern in patterns for path in glob.glob(pattern) if os.path.isfile(path)}
    return {path: os.stat(path).st_mtime for path in sorted(found)}


def outdated(units, times, now, reloads):
    """Units that run, or come up, with older files than those at `times`: {unit: the newest file}."""
    found, newest = {}, max(times, key=times.get, default=None)
    for name, unit in units.items():
        read = last_read(unit, reloads) if unit["ActiveState"] in READING else None
        if newest is not None and read is not None and (times[newest] > read or read > now):
            found[name] = newest
    return found


def plan(params, units, times, now):
    """What is to be done with which units, and why: {"restarted": {"a.service": ", /etc/a is newer"}}."""
    names, state, newer = params["names"], params["state"], params["newer"]
    if state in ("restarted", "reloaded"):
        return {state: dict.fromkeys(names, "")}
    # Who has a unit run tries a reload that failed again. Others would fail for ever where only that one can mend it.
    results = {unit.get("ReloadResult") for unit in units.values()} if state == "refreshed" else {"success"}
    old = outdated(units, times, now, results if newer == "reloaded" else set())
    down = [name for name in names if name not in old and units.get(name, {}).get("ActiveState") not in RUNNING]
    return {
        "started": {} if state == "refreshed" else dict.fromkeys(down, ""),
        newer: {name: f", {path} is newer" for name, path in old.items()},
    }


def have(module, names, reads):
    """Have the units as the module's other parameters say; what was done, or would be in check mode."""
    validate = module.params["validate"]
    wanted = [] if module.params["state"] == "refreshed" else names

    def systemctl(*arguments):
        status, out, err = module.run_command(["systemctl", *arguments])
        if status != 0:
            module.fail_json(msg=f"systemctl {arguments[0]} {', '.join(names)}: {err.strip() or out.strip()}")
        return out

    def show():
        return parse(systemctl("show", "--timestamp=us+utc", "--property", PROPERTIES, "--", *names))

    units, now, times = show(), time.time(), written_at(reads)
    if module.check_mode:
        told = {path for pattern in reads for path in fnmatch.filter(module.params["written"], pattern)}
        times.update(dict.fromkeys(told, now))
    due = plan({**module.params, "names": names}, units, times, now)

    # A unit file that hides another is not noticed either, so a restart always has systemd read its files again.
    stale = any(due[what] for what in due if what != "started") or any(
        unit["NeedDaemonReload"] == "yes" or unread(unit) if unit["LoadState"] == "loaded" else unit["Id"] in wanted
        for unit in units.values()
    )
    if stale and not module.check_mode:
        systemctl("daemon-reload")
        units = show()
    missing = [name for name in wanted if units.get(name, {}).get("LoadState") != "loaded"]
    if missing and not module.check_mode:
        module.fail_json(msg=f"This host has no unit {', '.join(missing)}.")
    disabled = [name for name in wanted if units.get(name, {}).get("UnitFileState") not in ENABLED]

    actions = [f"{name}: enabled" for name in disabled]
    actions += [f"{name}: {what}{why}" for what, whys in due.items() for name, why in whys.items()]
    if module.check_mode or not actions:
        return actions
    if any(due.values()):
        status, out, err = module.run_command(validate) if validate else (0, "", "")
        if status != 0:
            said = " ".join((err.strip() or out.strip()).splitlines())
            module.fail_json(msg=f"{', '.join(names)}: left as it is, for {validate[0]} refuses its files: {said}")
        for path in (path for path, at in times.items() if at > now):
            os.utime(path)
    if disabled:
        systemctl("enable", "--quiet", "--", *disabled)
    for what, whys in due.items():
        if whys:
            systemctl(VERBS[what], "--", *whys)
    return actions


def main():
    names = {"type": "list", "elements": "str"}
    reads = {"type": "list", "elements": "path", "default": []}
    module = AnsibleModule(
        argument_spec={
            "names": names,
            "sets": {
                "type": "list",
                "elements": "dict",
                "options": {"names": {**names, "required": True}, "reads": reads},
            },
            "state": {
                "type": "str",
                "choices": ["started", "restarted", "reloaded", "refreshed"],
                "default": "started",
            },
            "reads": reads,
            "newer": {"type": "str", "choices": ["restarted", "reloaded"], "default": "restarted"},
            "written": {"type": "list", "elements": "path", "default": []},
            "validate": {"type": "list", "elements": "str", "default": []},
        },
        mutually_exclusive=[("names", "sets"), ("reads", "sets")],
        required_one_of=[("names", "sets")],
        supports_check_mode=True,
    )
    sets = module.params["sets"] or [{"names": module.params["names"], "reads": module.params["reads"]}]
    actions = [action for each in sets for action in have(module, each["names"], each["reads"])]
    module.exit_json(changed=bool(actions), actions=actions)


if __name__ == "__main__":
    main()
