"""`fab add` and `fab remove`: a machine becomes one of the platform's, or is so no more.

They run the playbooks that docs/runbooks/ describes, with what those print: Ansible alone changes machines.
"""

from __future__ import annotations

import json as notation
import re
import subprocess
import sys
from pathlib import Path

from runbooks.drain import host_named
from runbooks.refusal import Refused
from runbooks.runbook import needed, runbook

INTERRUPTED = 99  # exit status of ansible-playbook after Ctrl-C
_RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=\d+\s+failed=\d+", re.MULTILINE)
_HOST = "a dyno host or router of the inventory"


@runbook(help={"host": _HOST})
def add(context, host="", inventory="", json=False):
    """Have a machine that the inventory has anew join the platform: fab add --host NAME."""
    needed(host, "host", "fab add --host NAME")
    _play("add_host.yml", {"host": host_named(host)}, True, inventory, json)


@runbook(
    help={
        "host": f"{_HOST}, which is drained",
        "confirm": "its name once more; else it is asked for",
        "lost": "the machine is broken for good: nothing is asked of it",
    }
)
def remove(context, host="", confirm="", lost=False, inventory="", json=False):
    """Have a drained host leave the platform: fab remove --host NAME. The inventory still has it, and then not."""
    needed(host, "host", "fab remove --host NAME")
    if confirm not in ("", host):
        raise Refused(f"--confirm is {confirm}, and the host {host}: give the same name twice. Nothing was changed.")
    if not confirm and (json or not sys.stdin.isatty()):
        raise Refused(f"Nobody can be asked here: add --confirm {host} to have it removed. Nothing was changed.")
    told = {"host": host_named(host), "lost": lost} | ({"confirm": confirm} if confirm else {})
    _play("remove_host.yml", told, False, inventory, json)


def _play(playbook: str, told: dict[str, object], member: bool, given: str, json: bool) -> None:
    """Run the playbook, after which the host is a member or not. Raises Refused when it ends otherwise than well.

    With `json` it prints to stderr, and the document tells how many tasks changed something, by host.
    """
    from runbooks import inventory, screen

    # By the environment: a list of inventories, as Ansible takes it there, is no value of -i.
    environment = inventory.environment() | {"ANSIBLE_INVENTORY": inventory.chosen(given)}
    program = Path(sys.executable).with_name("ansible-playbook")
    where = inventory.ROOT / "playbooks" / "ops" / playbook
    argv = [str(program), str(where), "--extra-vars", notation.dumps(told)]
    said = []
    with subprocess.Popen(argv, env=environment, text=True, stdout=subprocess.PIPE if json else None) as running:
        while True:
            try:
                for line in running.stdout or ():
                    said.append(line)
                    sys.stderr.write(line)
                status = running.wait()
                break
            except KeyboardInterrupt:
                continue  # Ansible has it, too, and ends by itself
    if status == INTERRUPTED:
        raise Refused("It was interrupted. Run it again: it goes on where it was.")
    if status != 0:
        raise Refused("It did not come to its end: what Ansible said last tells why. It can be run again.")
    if json:
        changed = {host: int(count) for host, count in _RECAP.findall("".join(said))}
        screen.document({"host": told["host"], "member": member, "changed": changed})
