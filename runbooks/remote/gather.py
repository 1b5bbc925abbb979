"""What a machine has that helps to understand it, as JSON: text by name. Runs there as root and reads only.

Given one argument, JSON: `units` by group and the host's `groups`, `lines` of each journal, `most` bytes of each text.
Standard library alone. Config vars, certificates' keys and containers' settings are not asked for at all.
"""

import glob
import http.client
import json
import os
import socket
import subprocess
import sys
import time

PATIENCE = 15  # seconds for one command
ALL = 90  # seconds for all of them: what is left out then must not cost what was had before
BEGAN = time.monotonic()
PACKAGES = (
    "haproxy", "lxd", "rsyslog", "rsyslog-relp", "redis-server", "postgresql-15", "postgresql-17", "btrfs-progs",
    "nftables", "systemd", "python3", "openssl",
)  # fmt: skip
SIZES = (
    "select relname, pg_size_pretty(pg_total_relation_size(oid)) as size, reltuples::bigint as rows from pg_class"
    " where relkind = 'r' and relnamespace = 'public'::regnamespace order by pg_total_relation_size(oid) desc limit 40"
)
SESSIONS = (
    "select application_name, state, wait_event_type, count(*), max(now() - state_change) as longest"
    " from pg_stat_activity where datname = 'hokku' group by 1, 2, 3 order by 4 desc"
)


def patience():
    """Seconds that the next may take."""
    return max(0.1, min(PATIENCE, BEGAN + ALL - time.monotonic()))


def output(*argv):
    """What a command writes, and how it failed if it did."""
    if time.monotonic() > BEGAN + ALL:
        return f"(left out: what came before took {ALL} s)\n"
    try:
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=patience(), cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "(no answer in time)\n"
    except OSError as error:
        return f"({error.strerror})\n"
    text = done.stdout.decode(errors="replace")
    return text if done.returncode == 0 else f"{text}(exit status {done.returncode})\n"


def said(path, line):
    """What a service answers on its socket."""
    try:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(patience())
            asked.connect(path)
            asked.sendall(line)
            asked.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: asked.recv(65536), b"")).decode(errors="replace")
    except OSError as error:
        return f"({error})\n"


def redis():
    """INFO, asked with the password that stands on this machine and does not leave it."""
    try:
        with open("/etc/redis/hokku-password") as file:
            password = file.read().strip().encode()
    except OSError as error:
        return f"({error})\n"
    auth = b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(password), password)
    told = said("/run/redis/redis-server.sock", auth + b"INFO\r\nQUIT\r\n")
    return told[max(told.find("# Server"), 0) :]


class Local(http.client.HTTPConnection):
    """HTTP over LXD's socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(patience())
        self.sock.connect("/var/lib/lxd/unix.socket")


def lxd(path, wanted):
    """The wanted fields of a list of LXD's, and no others: settings of containers may hold what is an app's."""
    try:
        asked = Local("lxd")
        asked.request("GET", path)
        rows = json.loads(asked.getresponse().read())["metadata"]
        return "".join(json.dumps({name: row.get(name) for name in wanted}) + "\n" for row in rows)
    except (OSError, ValueError, KeyError, AttributeError, http.client.HTTPException) as error:
        return f"({error})\n"


def file(path):
    try:
        with open(path, errors="replace") as opened:
            return opened.read()
    except OSError as error:
        return f"({error})\n"


def main():
    groups, lines = set(ASKED["groups"]), str(ASKED["lines"])
    names = list(dict.fromkeys(unit for group in ASKED["groups"] for unit in ASKED["units"].get(group, ())))
    if "database" in groups:
        names += [f"postgresql@{path.split('/')[3]}-main.service" for path in glob.glob("/etc/postgresql/*/main")]
    found = {
        "system": "".join(output(*argv) for argv in (
            ["uname", "-a"], ["cat", "/etc/debian_version"], ["uptime"], ["free", "-m"], ["df", "-h"], ["df", "-i"],
        )),
        "addresses": output("ip", "-brief", "address"),
        "listeners": output("ss", "-Htln"),
        "processes": output("ps", "-eo", "pid,user,rss,pcpu,etime,comm", "--sort=-rss"),
        "packages": output("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n", *PACKAGES),
        "spool": output("ls", "-l", "/var/spool/rsyslog"),
    }  # fmt: skip
    if "control" in groups:
        found["hokku.toml"] = file("/etc/hokku/hokku.toml")
        found["hokku"] = output("/opt/hokku/venv/bin/python", "-c", VERSION)
        found["stores"] = output("du", "-xsh", "/srv/hokku/slugs", "/srv/hokku/sources", "/srv/hokku/git")
    if "routers" in groups:
        found["haproxy/servers"] = said("/run/haproxy/router.sock", b"show servers state\n")
        found["haproxy/info"] = said("/run/haproxy/router.sock", b"show info\n")
        found["haproxy/stat"] = said("/run/haproxy/router.sock", b"show stat\n")
    if "logplex" in groups:
        found["redis/info"] = redis()
    if "database" in groups:
        asked = ["runuser", "-u", "postgres", "--", "psql", "-X", "-d", "hokku", "-c"]
        found["postgresql/sizes"] = output(*asked, SIZES)
        found["postgresql/sessions"] = output(*asked, SESSIONS)
    if "dyno_hosts" in groups and os.path.exists("/var/lib/lxd/unix.socket"):
        found["lxd/members"] = lxd("/1.0/cluster/members?recursion=1", ("server_name", "status", "message", "roles"))
        found["lxd/instances"] = lxd("/1.0/instances?recursion=1", ("name", "status", "location", "created_at"))
        found["lxd/images"] = lxd("/1.0/images?recursion=1", ("fingerprint", "size", "uploaded_at"))
        found["firewall"] = output("nft", "list", "table", "inet", "hokku")
    # Last what asks systemd and its journal: where they hang, each costs its whole patience.
    found["kernel"] = output("journalctl", "--dmesg", "--no-pager", "--lines=" + lines, "--output=short-iso")
    found["units"] = output("systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=service")
    found["failed"] = output("systemctl", "list-units", "--state=failed", "--plain", "--no-legend")
    for unit in names:
        argv = ["journalctl", "--no-pager", "--quiet", "--lines=" + lines, "--output=short-iso", "--unit=" + unit]
        found["journal/" + unit] = output(*argv)
        found["unit/" + unit] = output("systemctl", "show", "--property", SHOWN, unit)
    print(json.dumps({name: cut(text, ASKED["most"]) for name, text in found.items()}))


def cut(text, most):
    """The end of what is too long, which is what happened last."""
    left = len(text) - most
    return text if left <= 0 else f"({left} characters before this are left out)\n{text[-most:]}"


SHOWN = (
    "Id,LoadState,ActiveState,SubState,Result,NRestarts,ActiveEnterTimestamp,MemoryCurrent,MemoryPeak,ExecMainStatus"
)
VERSION = "import hokku; print(hokku.__version__)"
ASKED = json.loads(sys.argv[1])
main()
