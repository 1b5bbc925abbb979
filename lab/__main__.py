"""The lab's command: `python -m lab up|down|status|ready|env|first-push|start|stop|kill|create|destroy`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lab import daemon, environment, first_push, host, lifetime, machines, status
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
    verbs.add_parser("ready", help="status 0 if machines, API and routers all answer")
    verbs.add_parser("env", help="print shell exports that point clients at the lab")
    verbs.add_parser("first-push", help="push the sample application unless it is deployed, and say what to type next")
    for verb, sentence in (
        ("start", "power a machine on and wait for SSH"),
        ("stop", "shut a machine down in order"),
        ("kill", "take a machine's power away"),
    ):
        verbs.add_parser(verb, help=sentence).add_argument("machine")
    for verb, sentence in (
        ("create", "make machines and power them on"),
        ("destroy", "take machines away"),
    ):
        verbs.add_parser(verb, help=sentence).add_argument("machine", nargs="+")
    chosen = parser.parse_args(arguments)
    try:
        host.require_root()
        return _act(chosen)
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _act(chosen: argparse.Namespace) -> int:
    """Do the chosen verb; gives the exit status."""
    match chosen.verb:
        case "up":
            lifetime.up([*default_machines(), *(machine_named(name) for name in chosen.machine)], others=True)
        case "down":
            lifetime.down()
        case "status":
            print(status.table(), end="")
        case "ready":
            return 0 if status.is_whole() else 1
        case "env":
            print(environment.exports(), end="")
        case "first-push":
            first_push.ensure()
        case "create":
            lifetime.up([machine_named(name) for name in chosen.machine], others=False)
        case "start" | "stop" | "kill":
            _require_daemon()
            getattr(machines, chosen.verb)(machine_named(chosen.machine))
        case "destroy":
            wanted = [machine_named(name) for name in chosen.machine]
            _require_daemon()
            for machine in wanted:
                machines.destroy(machine)
    return 0


def _require_daemon() -> None:
    """Raises LabError unless the lab's daemon answers."""
    if not daemon.is_ready():
        raise LabError("The lab does not run: bring it up with `make up`.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
