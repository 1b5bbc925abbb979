#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lxd_cluster_member
short_description: This host is a member of the LXD cluster, and the cluster is as it should be
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Speaks to this host's LXD over its unix socket, so it needs no client and no trust.
  - A host that is in the cluster keeps its address, and, with I(cluster), the settings of the whole cluster.
  - A host that is in no cluster forms one (I(bootstrap)), joins one (I(token)), or says so in C(clustered).
  - What a join that was broken off left on a host, and what a cluster remembers of a host that came back bare, is
    removed; nothing in use is.
options:
  name:
    description: The member's name.
    type: str
    required: true
  address:
    description: The address by which the other members reach this host.
    type: str
    required: true
  port:
    description: The port of LXD's API.
    type: int
    default: 8443
  bootstrap:
    description: Form a new cluster where this host is in none.
    type: bool
    default: false
  token:
    description: Join with this token, which another member gave (I(invite)).
    type: str
    default: ''
  invite:
    description: The name of a host that shall join; its token is in the result, so use C(no_log).
    type: str
    default: ''
  remove:
    description:
      - The name of another member that shall not be one any more. It must be empty but for what the manifold clones.
      - Nothing else is done then.
    type: str
    default: ''
  lost:
    description: Remove it although it is offline, because it will never come back.
    type: bool
    default: false
  cluster:
    description: Keep the settings of the whole cluster too; one host of a run is enough.
    type: bool
    default: false
  config:
    description: LXD's settings of the cluster. An empty value unsets one.
    type: dict
    default: {}
  pool:
    description: The storage pool's name.
    type: str
    default: hokku
  pool_driver:
    description: Its driver.
    type: str
    default: btrfs
  pool_source:
    description:
      - A block device or directory for it. Empty means I(pool_directory) where that is on btrfs (a part of the host's
        own file system, with driver btrfs), and otherwise a file of I(pool_size) that LXD makes.
    type: str
    default: ''
  pool_directory:
    description: Where the pool is when the host's own file system is btrfs; must not exist before.
    type: path
    default: /var/lib/hokku-pool
  pool_size:
    description: The size of the file that LXD makes for the pool.
    type: str
    default: 50GiB
  network:
    description: The dyno network's name, and that of its bridge.
    type: str
    default: hokkudyno
  network_config:
    description: LXD's settings of it. C(bridge.mtu) is that of the host's way out where none is given.
    type: dict
    default: {}
  trust_name:
    description: The name of the client certificate that is trusted.
    type: str
    default: manifold
  trust_file:
    description: That certificate (PEM), a file of this host.
    type: path
    default: /etc/hokku/tls/manifold.crt
  trust_projects:
    description: The LXD projects that this client is restricted to; none for an unrestricted client.
    type: list
    elements: str
    default: []
  certificate_file:
    description: The certificate (PEM) that the cluster shows on I(port), a file of this host.
    type: path
    default: /etc/hokku/tls/cluster.crt
  key_file:
    description: Its key (PEM), a file of this host.
    type: path
    default: /etc/hokku/tls/cluster.key
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    description: Shows settings that change.
    support: full
  platform:
    platforms: debian
"""

EXAMPLES = r"""
- name: The first host is a cluster of its own
  hokku.platform.lxd_cluster_member:
    name: dyno1
    address: 10.0.0.31
    bootstrap: true
    cluster: true
    network_config: {ipv4.address: 10.99.0.1/16, ipv4.nat: "true", ipv6.address: none}

- name: The cluster has no member dyno4 any more
  hokku.platform.lxd_cluster_member:
    name: dyno1
    address: 10.0.0.31
    remove: dyno4
"""

RETURN = r"""
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
clustered:
  description: Whether the host is in a cluster now.
  returned: always
  type: bool
idmapped_mounts:
  description: Whether this host's kernel maps ids of mounts, so that containers with ids of their own cost nothing.
  returned: always
  type: bool
token:
  description: The token for the host in I(invite); empty where it is refused.
  returned: when I(invite) is given
  type: str
refused:
  description: Why the host in I(invite) is not invited.
  returned: when I(invite) is given
  type: str
"""

import os
import ssl

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hokku.platform.plugins.module_utils._lxd import SOCKET, Lxd, LxdError
from ansible_collections.hokku.platform.plugins.module_utils._lxd_cluster import Member

BTRFS = "btrfs"


def certificate_of(address):
    """The PEM certificate with which HOST:PORT answers; who it is must be compared by the caller."""
    host, _colon, port = address.rpartition(":")
    return ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=10)


def filesystem(path, mounts):
    """The type of the file system that `path` is on, by the text of /proc/self/mounts."""
    fields = [line.split() for line in mounts.splitlines()]
    above = [
        (len(at), kind)
        for _device, at, kind, *_options in fields
        if path == at or path.startswith(at.rstrip("/") + "/")
    ]
    return max(above)[1] if above else ""


def pool_config(params, mounts):
    """The pool's settings that a member has of its own: where it is, or how large."""
    if params["pool_source"]:
        return {"source": params["pool_source"]}
    if params["pool_driver"] == BTRFS and filesystem(params["pool_directory"], mounts) == BTRFS:
        return {"source": params["pool_directory"]}
    return {} if params["pool_driver"] == "dir" else {"size": params["pool_size"]}


def uplink_mtu(routes, mtu_of):
    """The MTU of the interface with the default route, by the text of /proc/net/route; 1500 where there is none."""
    for line in routes.splitlines()[1:]:
        interface, destination, *_rest = line.split()
        if destination == "00000000":
            return mtu_of(interface)
    return "1500"


def read(path):
    """The text of a file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def converge(member, params):
    """Everything but the token; gives whether the host is in a cluster afterwards."""
    own_pool = pool_config(params, read("/proc/self/mounts"))
    network = {key: str(value) for key, value in params["network_config"].items()}
    network.setdefault(
        "bridge.mtu",
        uplink_mtu(read("/proc/net/route"), lambda name: read(f"/sys/class/net/{name}/mtu").strip()),
    )
    clustered = member.clustered()
    if "source" in own_pool and not clustered and not member.check:
        os.makedirs(os.path.dirname(own_pool["source"]), mode=0o711, exist_ok=True)
    if not clustered and params["bootstrap"]:
        member.listens()
        member.pool(params["pool"], params["pool_driver"], dict(own_pool))
        member.network(params["network"], network)
        member.bootstrap()
        if member.check:
            return False
    elif not clustered and params["token"]:
        member.join(params["token"], certificate_of, params["pool"], own_pool, params["network"])
    elif not clustered:
        return False
    member.listens()
    if params["cluster"]:
        member.pool(params["pool"], params["pool_driver"], dict(own_pool))
        member.network(params["network"], network)
        member.configured({key: str(value) for key, value in params["config"].items()})
        projects = params["trust_projects"]
        member.trusts(params["trust_name"], read(params["trust_file"]), bool(projects), projects)
        member.shows(read(params["certificate_file"]), read(params["key_file"]))
    return True


def invited(member, name):
    """A token for `name`, or why there is none: the task's own error would be hidden together with the token."""
    try:
        clustered = member.clustered()
        if not clustered and not member.check:
            raise LxdError(f"{member.name} is in no cluster that it could invite to; run this without --limit")
        return {"clustered": clustered, "token": member.invite(name) if clustered else "", "refused": ""}
    except LxdError as error:
        return {"clustered": False, "token": "", "refused": str(error)}


def main():
    text, flag = {"type": "str", "default": ""}, {"type": "bool", "default": False}
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "port": {"type": "int", "default": 8443},
            "bootstrap": flag,
            "token": {**text, "no_log": True},
            "invite": text,
            "remove": text,
            "lost": flag,
            "cluster": flag,
            "config": {"type": "dict", "default": {}},
            "pool": {"type": "str", "default": "hokku"},
            "pool_driver": {"type": "str", "default": BTRFS},
            "pool_source": text,
            "pool_directory": {"type": "path", "default": "/var/lib/hokku-pool"},
            "pool_size": {"type": "str", "default": "50GiB"},
            "network": {"type": "str", "default": "hokkudyno"},
            "network_config": {"type": "dict", "default": {}},
            "trust_name": {"type": "str", "default": "manifold"},
            "trust_file": {"type": "path", "default": "/etc/hokku/tls/manifold.crt"},
            "trust_projects": {"type": "list", "elements": "str", "default": []},
            "certificate_file": {"type": "path", "default": "/etc/hokku/tls/cluster.crt"},
            "key_file": {"type": "path", "default": "/etc/hokku/tls/cluster.key", "no_log": False},
        },
        mutually_exclusive=[("bootstrap", "token"), ("remove", "invite")],
        supports_check_mode=True,
    )
    params = module.params
    if module.check_mode and not os.path.exists(SOCKET):
        words = f"{params['name']}: LXD's place in the cluster"
        module.exit_json(changed=True, clustered=False, idmapped_mounts=False, token="", actions=[words])
    member = Member(Lxd(), params["name"], f"{params['address']}:{params['port']}", check=module.check_mode)
    result = {}
    try:
        if params["invite"]:
            result = invited(member, params["invite"])
        elif params["remove"]:
            result["clustered"] = member.clustered()
            if result["clustered"]:
                member.remove(params["remove"], params["lost"])
        else:
            result["clustered"] = converge(member, params)
        features = member.lxd.request("GET", "/1.0")["environment"]["kernel_features"]
    except LxdError as error:
        done = f" Done before: {', '.join(member.actions)}." if member.actions else ""
        module.fail_json(msg=f"{params['name']}: {error}{done}")
    except OSError as error:
        module.fail_json(msg=f"{params['name']}: {error}")
    result["idmapped_mounts"] = features.get("idmapped_mounts") == "true"
    if module._diff and member.diff:
        before, after = zip(*member.diff, strict=True)
        result["diff"] = {"before": "\n".join(before) + "\n", "after": "\n".join(after) + "\n"}
    module.exit_json(changed=bool(member.actions), actions=member.actions, **result)


if __name__ == "__main__":
    main()
