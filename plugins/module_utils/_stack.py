# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""What the images of a stack are made of, and which of those in the cluster are still right."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from urllib.parse import quote

# The arguments of the module stack_image.
ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "suite": {"type": "str", "required": True},
    "alias": {"type": "str", "required": True},
    "build_alias": {"type": "str", "required": True},
    "packages": {"type": "list", "elements": "str", "required": True},
    "build_packages": {"type": "list", "elements": "str", "required": True},
    "init_dir": {"type": "path", "required": True},
    "ca_dir": {"type": "path", "default": "/usr/local/share/ca-certificates"},
    "mirror": {"type": "str", "default": "http://deb.debian.org/debian"},
    "security_mirror": {"type": "str", "default": "http://deb.debian.org/debian-security"},
    "updates": {"type": "bool", "default": True},
    "nameserver": {"type": "str", "required": True},
    "max_age_days": {"type": "int", "default": 0},
    "fresh": {"type": "bool", "default": False},
}

RECIPE = 2  # counted up when the steps below change what comes out

PIP = "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ndisable-pip-version-check = true\n"
PROFILE = (
    "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt\n"
    "REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt\n"
    "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n"
)

LEFT_OUT = (
    "/usr/lib/jvm/*/jmods/*",  # jlink's alone: javac needs none, and they are a quarter of a build image
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*/LC_MESSAGES/*",
    "/usr/share/man/*/*",  # not the directories: Java's alternatives are linked into them
    # apps install what they need into their own tree; Debian's marker would refuse pip even in a build
    "/usr/lib/python3*/EXTERNALLY-MANAGED",
)

HOOKS = (
    'chroot "$1" update-ca-certificates',
    'chroot "$1" groupadd --gid 1000 dyno',
    'chroot "$1" useradd --uid 1000 --gid 1000 --home-dir /app --no-create-home --shell /bin/bash dyno',
    'chroot "$1" install -d -o 1000 -g 1000 -m 0755 /app',
    'chroot "$1" install -d -o 0 -g 0 -m 0700 /var/lib/hokku',
    'chroot "$1" install -d -o 0 -g 0 -m 0755 /etc/hokku',
    'chmod 0755 "$1/usr/lib/hokku/dyno-start"',
    'rm -f "$1/etc/hostname"',
)

# Goes on in the run image's root file system. The mounts are seen by these processes alone and end with them. The name
# server that dynos have may not answer the host.
CONTINUE = """set -e
root=$1
shift
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
export DEBIAN_FRONTEND=noninteractive
chroot "$root" apt-get --quiet --yes --no-install-recommends install "$@"
chroot "$root" apt-get clean
chroot "$root" gcc -std=c11 -O2 -Wall -Wextra -o /usr/lib/hokku/dyno-init /usr/lib/hokku/src/dyno-init.c
chmod 0755 "$root/usr/lib/hokku/dyno-init"
"""
INIT = "./usr/lib/hokku/dyno-init"

# Of no use in an image; /dev is made by whoever runs it.
NOT_PACKED = (
    "./dev/*",
    "./etc/apt/apt.conf.d/99mmdebstrap",  # the host's own way to the archive, which may have a proxy's password
    "./tmp/*",
    "./usr/lib/hokku/src",
    "./var/cache/ldconfig/*",
    "./var/lib/apt/lists/*",
    "./var/log/*.log",
    "./var/log/apt/*",
)

# Those settings of the host's apt that decide whether it reaches the archive; mmdebstrap itself reads none.
CARRIED = tuple(f"Acquire::{name} " for name in ("Check-Valid-Until", "Check-Date", "http::Proxy", "https::Proxy"))


def contents(folder, suffixes):
    """Path → bytes of the files in `folder` that end in one of `suffixes`, or of all when there are none."""
    if not os.path.isdir(folder):
        return {}
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and (not suffixes or name.endswith(suffixes)):
            with open(path, "rb") as file:
                found[name] = file.read()
    return found


def tree(params):
    """The files that the image has besides its packages: path → bytes."""
    files = {
        "etc/pip.conf": PIP.encode(),
        "etc/hokku/stack": (params["name"] + "\n").encode(),
        "etc/environment": PROFILE.encode(),
        "etc/resolv.conf": f"nameserver {params['nameserver']}\n".encode(),
        "etc/hosts": b"127.0.0.1 localhost\n::1 localhost\n",
    }
    for name, content in contents(params["init_dir"], ()).items():
        folder = "usr/lib/hokku/src" if name.endswith((".c", ".h")) else "usr/lib/hokku"
        files[f"{folder}/{name}"] = content
    for name, content in contents(params["ca_dir"], (".crt",)).items():
        files[f"usr/local/share/ca-certificates/{name}"] = content
    return files


def apt_options(dump):
    """What apt must be told to reach the archive as the host does; `dump` is what `apt-config dump` says there."""
    return [line for line in dump.splitlines() if line.startswith(CARRIED) and not line.endswith(' "";')]


def sources(params):
    """The lines of apt's sources: the release, its updates and its security updates."""
    suite = params["suite"]
    mirror, security = params["mirror"], params["security_mirror"]
    lines = [f"deb {mirror} {suite} main"]
    if params["updates"]:
        lines += [f"deb {mirror} {suite}-updates main", f"deb {security} {suite}-security main"]
    return lines


def digest(params, files):
    """What identifies the inputs of both images."""
    said = [
        RECIPE, HOOKS, LEFT_OUT, CONTINUE, NOT_PACKED, sources(params),
        sorted(params["packages"]), sorted(params["build_packages"]),
    ]  # fmt: skip
    whole = hashlib.sha256(json.dumps(said).encode())
    for path in sorted(files):
        whole.update(path.encode() + b"\0" + files[path] + b"\0")
    return whole.hexdigest()


def version(made, inputs):
    """What images made at the time `made` (seconds) of `inputs` are called."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(made))}-{inputs[:8]}"


def under(images, alias):
    """The image that has the alias, or None."""
    for image in images:
        if alias in [each["name"] for each in image.get("aliases") or []]:
            return image
    return None


def point(lxd, alias, fingerprint):
    """Have the image under the alias. One that is there is moved in one step: whoever looks finds an image always.

    `lxd` is a client with `request(method, url, body)` and `find(url)`; its errors are the caller's.
    """
    url = f"/1.0/images/aliases/{quote(alias, safe='')}"
    found = lxd.find(url)
    if found is None:
        lxd.request("POST", "/1.0/images/aliases", {"name": alias, "description": "", "target": fingerprint})
    elif found["target"] != fingerprint:
        lxd.request("PUT", url, {"description": found["description"], "target": fingerprint})


def current(images, aliases, inputs, oldest):
    """The images under both aliases, when they are one version, made of `inputs` after `oldest` (seconds); or None."""
    pair = [under(images, alias) for alias in aliases]
    if None in pair:
        return None
    about = [image["properties"] for image in pair]
    one = about[0].get("hokku.version") is not None and about[0]["hokku.version"] == about[1].get("hokku.version")
    fits = all(each.get("hokku.inputs") == inputs for each in about)
    return pair if one and fits and float(about[0].get("hokku.made", "0")) >= oldest else None


def right(params, images, inputs, now):
    """The run image and the build image that need not be made anew at the time `now` (seconds), or None."""
    if params["fresh"]:
        return None
    age = params["max_age_days"] * 86400
    return current(images, (params["alias"], params["build_alias"]), inputs, now - age if age else 0)


def metadata(params, role, inputs, made):
    """What LXD is told of an image."""
    return {
        "architecture": platform.machine(),
        "creation_date": made,
        "properties": {
            "description": f"Hokku stack {params['name']}, {role} image",
            "hokku.inputs": inputs,
            "hokku.made": str(made),
            "hokku.role": role,
            "hokku.stack": params["name"],
            "hokku.version": version(made, inputs),
        },
    }
