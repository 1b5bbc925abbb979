"""The lab's command: `python -m lab up|down|status|env|start|stop|kill|create|destroy|first-push`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lab import daemon, host, lifetime, machines
from lab.catalogue import default_machines, machine_named
from lab.command import LabError


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments say; gives the exit status."""
    parser = argparse.ArgumentParser(prog="lab", description="The lab's machines on this computer.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="make or heal the daemon, the network and the machines")
    up.add_argument("machine", nargs="*", help="machines besides the six that are always made")
    verbs.add_parser("down", help="remove every trace of the lab")
    verbs.add_parser("status", help="print what runs")
    verbs.add_parser("env", help="print shell exports that point clients at the lab")
    verbs.add_parser("first-push", help="push the sample application unless it is deployed, and say what to type next")
    for verb, sentence in (
        ("start", "power a machine on and wait for SSH"),
        ("stop", "shut a machine down in order"),
        ("kill", "take a machine's power away"),
        ("create", "make a machine and power it on"),
        ("destroy", "take a machine away"),
    ):
        verbs.add_parser(verb, help=sentence).add_argument("machine")
    chosen = parser.parse_args(arguments)
    try:
        host.require_root()
        _act(chosen)
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _act(chosen: argparse.Namespace) -> None:
    if chosen.verb == "down":
        lifetime.down()
        return
    if chosen.verb == "env":
        from lab import environment

        print(environment.exports(), end="")
        return
    if chosen.verb == "status":
        from lab import status

        print(status.table(), end="")
        return
    if chosen.verb == "first-push":
        from lab import first_push

        first_push.ensure()
        return
    if chosen.verb == "up":
        lifetime.up([*default_machines(), *(machine_named(name) for name in chosen.machine)], others=True)
        return
    machine = machine_named(chosen.machine)
    if chosen.verb == "create":
        lifetime.up([machine], others=False)
        return
    if not daemon.is_ready():
        raise LabError("The lab does not run: bring it up with `make up`.")
    acts = {"start": machines.start, "stop": machines.stop, "kill": machines.kill, "destroy": machines.destroy}
    acts[chosen.verb](machine)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
