"""What a machine says of itself, as JSON. Runs there as root, reads only, and needs Python's standard library alone.

Given one argument, JSON: `units` that must run (those of the host's groups), by group, and the host's `groups`.
"""

import calendar
import glob
import http.client
import json
import os
import socket
import subprocess
import sys
import time

PATIENCE = 8  # seconds for one command or answer


def output(*argv):
    """What a command writes; nothing when it is not there, fails or hangs."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, "LC_ALL": "C"})
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def memory():
    """KiB."""
    with open("/proc/meminfo") as lines:
        found = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return {"total": found["MemTotal"], "available": found["MemAvailable"]}


def uptime():
    """Seconds."""
    with open("/proc/uptime") as line:
        return float(line.read().split()[0])


def disks():
    """Bytes and inodes of the file systems under these folders, each file system once."""
    found = {}
    for path in ("/", "/var", "/srv", "/var/lib/postgresql", "/var/lib/redis"):
        try:
            there = os.statvfs(path)
        except OSError:
            continue
        same = (there.f_blocks, there.f_bfree, there.f_files, there.f_ffree)
        found.setdefault(
            same,
            {
                "path": path,
                "size": there.f_blocks * there.f_frsize,
                "free": there.f_bavail * there.f_frsize,
                "inodes": there.f_files,
                "inodes_free": there.f_favail,
            },
        )
    return list(found.values())


def units(names):
    """How systemd has each; None when it does not say so of all."""
    names = [*names, *(f"postgresql@{path.split('/')[3]}-main.service" for path in clusters())]
    if not names:
        return {}
    wanted = "Id,LoadState,ActiveState,SubState,Result,NRestarts"
    text = output("systemctl", "show", "--property", wanted, *names)
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")]
    if len(blocks) != len(names) or not all(blocks):
        return None
    return {
        name: {
            "load": block.get("LoadState", ""),
            "active": block.get("ActiveState", ""),
            "sub": block.get("SubState", ""),
            "result": block.get("Result", ""),
            "restarts": int(block.get("NRestarts") or 0),
        }
        for name, block in zip(names, blocks, strict=True)
    }


def clusters():
    return sorted(glob.glob("/etc/postgresql/*/main")) if "database" in ASKED["groups"] else []


def spool():
    """Bytes of log lines that wait on disk."""
    total = 0
    for path in glob.glob("/var/spool/rsyslog/*"):
        try:
            total += os.path.getsize(path) if not path.endswith(".qi") else 0
        except OSError:
            pass
    return total


def certificates():
    """When each ends, in seconds since 1970."""
    found = {}
    for path in sorted(glob.glob("/etc/hokku/tls/*.crt") + glob.glob("/etc/hokku/tls/*.pem")):
        text = output("openssl", "x509", "-enddate", "-noout", "-dateopt", "iso_8601", "-in", path).strip()
        text = text or output("openssl", "x509", "-enddate", "-noout", "-in", path).strip()
        for form in ("notAfter=%Y-%m-%d %H:%M:%SZ", "notAfter=%b %d %H:%M:%S %Y GMT"):
            try:
                found[path] = calendar.timegm(time.strptime(text, form))
            except ValueError:
                continue
    return found


class Local(http.client.HTTPConnection):
    """HTTP over LXD's socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect("/var/lib/lxd/unix.socket")


def lxd_get(path):
    asked = Local("lxd")
    asked.request("GET", path)
    return json.loads(asked.getresponse().read())["metadata"]


def lxd(running):
    """The cluster as this member sees it, and its own pools. LXD that does not run is not woken by asking."""
    if not running:
        return None
    try:
        members = lxd_get("/1.0/cluster/members?recursion=1")
        pools = {path.rsplit("/", 1)[1]: lxd_get(path + "/resources") for path in lxd_get("/1.0/storage-pools")}
        return {
            "members": {each["server_name"]: [each["status"], each["message"]] for each in members},
            "pools": {name: pool for name, pool in pools.items() if pool},
        }
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as error:
        return {"error": str(error) or type(error).__name__}


def said(path, line):
    """What a service answers to a line on its socket, or None."""
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(PATIENCE)
            asked.connect(path)
            asked.sendall(line)
            asked.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: asked.recv(65536), b"")).decode()
    except OSError:
        return None


def haproxy():
    told = said("/run/haproxy/router.sock", b"show info\n")
    if told is None:
        return None
    found = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    return {name: found.get(name, "") for name in ("Version", "Uptime_sec", "CurrConns", "Maxconn", "Stopping")}


def main():
    came, began, before = time.time(), time.monotonic(), spool()
    groups = set(ASKED["groups"])
    states = units(ASKED["units"])
    found = {
        "uptime": uptime(),
        "load": os.getloadavg(),
        "cpus": os.cpu_count(),
        "memory": memory(),
        "disks": disks(),
        "systemd": states is not None,
        "units": states or {},
        "failed": [line.split()[0] for line in output(
            "systemctl", "list-units", "--state=failed", "--plain", "--no-legend"
        ).splitlines() if line.split()],
        "certificates": certificates(),
    }  # fmt: skip
    if "dyno_hosts" in groups:
        found["lxd"] = lxd(found["units"].get("lxd.service", {}).get("active") == "active")
    if "routers" in groups:
        found["haproxy"] = haproxy()
    if "logplex" in groups:
        found["redis"] = said("/run/redis/redis-server.sock", b"PING\r\n") is not None
    if "database" in groups:
        found["postgresql"] = "accepting" in output("pg_isready")
    found["spool"] = {"bytes": spool(), "before": before, "seconds": time.monotonic() - began}
    found["came"], found["left"] = came, time.time()  # between the two, by this machine's clock
    print(json.dumps(found))


ASKED = json.loads(sys.argv[1])
ASKED["units"] = list(dict.fromkeys(unit for group in ASKED["groups"] for unit in ASKED["units"].get(group, ())))
main()
