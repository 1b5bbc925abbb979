"""The lab's machines: names, addresses and the loopback ports under which this computer reaches them."""

from __future__ import annotations

from dataclasses import dataclass

from lab.command import LabError


@dataclass(frozen=True)
class Port:
    """A TCP port of this computer's loopback that leads to a port of a machine."""

    listen: int
    connect: int


@dataclass(frozen=True)
class Machine:
    """One machine: its host name, its fixed address on the lab's bridge and its published ports."""

    name: str
    address: str
    ports: tuple[Port, ...] = ()
    default: bool = True


CATALOGUE: tuple[Machine, ...] = (
    Machine("control1", "10.213.77.11", (Port(5443, 443), Port(2222, 22), Port(5601, 5601), Port(5000, 5000))),
    Machine("router1", "10.213.77.21", (Port(8081, 80), Port(8441, 443))),
    Machine("router2", "10.213.77.22", (Port(8082, 80), Port(8442, 443))),
    Machine("dyno1", "10.213.77.31"),
    Machine("dyno2", "10.213.77.32"),
    Machine("dyno3", "10.213.77.33"),
    Machine("dyno4", "10.213.77.34", default=False),
    Machine(
        "single1",
        "10.213.77.41",
        (Port(6443, 5443), Port(6222, 22), Port(6601, 5601), Port(6000, 5000), Port(8091, 80), Port(8491, 443)),
        default=False,
    ),
    # Molecule's, made and destroyed with each scenario (molecule/shared).
    Machine("mol1", "10.213.77.51", default=False),
    Machine("mol2", "10.213.77.52", default=False),
    Machine("mol3", "10.213.77.53", default=False),
    # Those of `python -m tests.bench hosts`.
    *(Machine(f"bench{number}", f"10.213.77.{60 + number}", default=False) for number in range(1, 15)),
)


def machine_named(name: str) -> Machine:
    """The machine of that name; raises LabError naming the machines there are."""
    for machine in CATALOGUE:
        if machine.name == name:
            return machine
    known = ", ".join(machine.name for machine in CATALOGUE)
    raise LabError(f"The lab has no machine named {name!r}: choose one of {known}.")


def default_machines() -> tuple[Machine, ...]:
    """The machines that `up` makes without being asked for them by name."""
    return tuple(machine for machine in CATALOGUE if machine.default)
