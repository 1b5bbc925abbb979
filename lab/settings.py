"""Where the lab lives and how large it may grow; the only place that reads the lab's environment variables."""

from __future__ import annotations

import os
from pathlib import Path

HOME = Path("/var/lib/hokku-lab")
"""Everything of the lab on this computer: the daemon's state, the pool's file, keys, secrets, the base image."""

LXD_DIR = HOME / "lxd"
CLIENT_DIR = HOME / "client"
DAEMON_LOG = HOME / "lxd.log"
DAEMON_PID = HOME / "lxd.pid"
LXCFS_PID = HOME / "lxcfs.pid"
HOST_STATE = HOME / "host.json"
IMAGE_DIR = HOME / "image"
SECRETS_DIR = HOME / "secrets"
SSH_DIR = HOME / "ssh"
SSH_KEY = SSH_DIR / "id_ed25519"
KNOWN_HOSTS = SSH_DIR / "known_hosts"

LXCFS_MOUNT = Path("/var/lib/lxcfs")
"""LXC's own configuration names this folder, so it cannot be the lab's."""

POOL = "hokku"
POOL_SIZE = os.environ.get("HOKKU_LAB_POOL_SIZE", "60GB")
"""Size of the sparse file behind the btrfs pool, as LXD writes sizes."""

BRIDGE = "hokkulab"
BRIDGE_ADDRESS = "10.213.77.1/24"

IMAGE_ALIAS = "hokku-machine"
SUITE = "bookworm"

APPS_DOMAIN = "apps.localhost"
REPOSITORY = Path(__file__).resolve().parent.parent
