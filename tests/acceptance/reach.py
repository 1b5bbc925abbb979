"""What of the platform can be connected to: a program that tries it from where it runs."""

from __future__ import annotations

from lab.catalogue import default_machines

_ADDRESSES = {machine.name: machine.address for machine in default_machines()}
_DYNO_HOSTS = [address for name, address in _ADDRESSES.items() if name.startswith("dyno")]
ROUTER = _ADDRESSES["router1"]

# It prints `REACHED ADDRESS PORT` for each that answers, and PROBED when it has tried all.
PROBE = (
    """
import concurrent.futures, socket
def reached(at):
    try:
        socket.create_connection(at, 2).close()
        return True
    except OSError:
        return False
control = [("CONTROL", port) for port in (22, 443, 2222, 5000, 5432, 5601, 6380, 8443, 9443, 2514)]
routers = [("ROUTER", port) for port in (22, 80, 443, 9443)]
hosts = [(host, port) for host in DYNOS for port in (22, 8443, 1514, 20000, 20001)]
dynos = [(f"10.99.{a}.{b}", 5000) for a in (1, 2) for b in (1, 2, 3, 4, 5)]
others = [("10.99.0.1", 22), ("10.99.0.1", 8443), ("169.254.169.254", 80), ("10.99.255.1", 22)]
tried = control + routers + hosts + dynos + others
with concurrent.futures.ThreadPoolExecutor(len(tried)) as pool:
    for (host, port), answers in zip(tried, pool.map(reached, tried)):
        if answers:
            print(f"REACHED {host} {port}", flush=True)
print("PROBED", flush=True)
""".replace("CONTROL", _ADDRESSES["control1"])
    .replace("ROUTER", ROUTER)
    .replace("DYNOS", repr(_DYNO_HOSTS))
)
