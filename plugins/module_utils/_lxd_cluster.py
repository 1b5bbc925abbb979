# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""One host's place in an LXD cluster: forming it, joining it, and keeping its settings. Speaks to LXD through a client
with `request(method, url, body)` and `find(url)`; with `check` it says what it would do and asks only."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
import time
from urllib.parse import quote

from ansible_collections.hokku.platform.plugins.module_utils._lxd import LxdError

# LXD's join works through raft, pool and network; a slow disk makes it take a minute.
JOIN_SECONDS = 300
# How the manifold labels containers; stock is what it clones, and of no app (hokku/manifold/names.py).
KIND, STOCK = "user.hokku.kind", "stock"
# The lowest threshold LXD takes is 10 s; a member that died is seen as offline soon after.
OFFLINE_SECONDS = 60


def fingerprint(pem):
    """The SHA-256 of a PEM certificate, as LXD names certificates."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first_certificate(pem))).hexdigest()


def first_certificate(pem):
    """The first certificate of a PEM text."""
    found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", pem, re.DOTALL)
    if not found:
        raise LxdError("There is no PEM certificate where one was expected")
    return found[0] + "\n"


def differences(wanted, found):
    """The keys of `wanted` whose value `found` lacks or has otherwise; an empty string means absent."""
    return {key: value for key, value in wanted.items() if found.get(key, "") != value}


class Member:
    """This host as a cluster member. `actions` says in words what was done, or would be in check mode."""

    def __init__(self, lxd, name, endpoint, check=False, sleep=time.sleep):
        self.lxd = lxd
        self.name = name
        self.endpoint = endpoint
        self.check = check
        self.sleep = sleep
        self.actions = []
        self.diff = []

    def act(self, words, method, url, body, **options):
        """Do one change and remember it."""
        self.actions.append(words)
        if not self.check:
            self.lxd.request(method, url, body, **options)

    def clustered(self):
        """Whether this host's LXD belongs to a cluster. Raises LxdError where it does under another name."""
        cluster = self.lxd.request("GET", "/1.0/cluster")
        if cluster["enabled"] and cluster["server_name"] != self.name:
            raise LxdError(
                f"This host's LXD is a cluster member named {cluster['server_name']}, and the inventory calls the "
                f"host {self.name}: give it its old name, or remove it from the cluster and wipe /var/lib/lxd."
            )
        return cluster["enabled"]

    def listens(self):
        """LXD listens on the host's own address."""
        found = self.lxd.request("GET", "/1.0")["config"]
        self._configure("/1.0", {"core.https_address": self.endpoint}, found, "this host's LXD")

    def configured(self, config):
        """The cluster's settings are those of `config`."""
        self._configure("/1.0", config, self.lxd.request("GET", "/1.0")["config"], "the cluster")

    def _configure(self, url, wanted, found, owner):
        for key, value in differences(wanted, found).items():
            self.actions.append(f"{owner}: {key} set to {value or 'nothing'}")
            self.diff.append((f"{key}: {found.get(key, '')}", f"{key}: {value}"))
        changes = differences(wanted, found)
        if changes and not self.check:
            self.lxd.request("PATCH", url, {"config": changes})

    # ---- the pool and the network ----

    def pool(self, name, driver, config):
        """The storage pool exists. Its driver and source cannot be changed later: LXD refuses, and so does this."""
        found = self.lxd.find(f"/1.0/storage-pools/{quote(name)}")
        if found is None:
            body = {"name": name, "driver": driver, "config": config}
            self._make(f"storage pool {name}: made", "/1.0/storage-pools", body)
        elif found["driver"] != driver:
            raise LxdError(
                f"The storage pool {name} is of driver {found['driver']}, not {driver}: LXD cannot change that. "
                f"Set the driver back, or make a pool of another name."
            )

    def network(self, name, config):
        """The dyno network exists and has the settings of `config`."""
        url = f"/1.0/networks/{quote(name)}"
        found = self.lxd.find(url)
        if found is None:
            self._make(f"network {name}: made", "/1.0/networks", {"name": name, "type": "bridge", "config": config})
        elif not found["managed"]:
            raise LxdError(f"This host has an interface {name} that is not LXD's: rename it, or choose another name.")
        else:
            self._configure(url, config, found["config"], f"network {name}")

    def _make(self, words, url, body):
        """Make a pool or network; in a cluster it is announced for each member first."""
        own = {key: body["config"].pop(key) for key in ("source", "size") if key in body["config"]}
        members = self.members() if self.clustered() else {}
        for member in members:
            self.act(f"{words} on {member}", "POST", f"{url}?target={quote(member)}", {**body, "config": own})
        self.act(words, "POST", url, {**body, "config": {**body["config"], **({} if members else own)}})

    # ---- forming and joining ----

    def members(self):
        """Every member of the cluster by name: {name: {status, url, …}}."""
        return {member["server_name"]: member for member in self.lxd.request("GET", "/1.0/cluster/members?recursion=1")}

    def bootstrap(self):
        """This host's LXD is the first member of a new cluster."""
        body = {"server_name": self.name, "enabled": True}
        self.act(f"{self.name}: made the first member", "PUT", "/1.0/cluster", body, timeout=JOIN_SECONDS)

    def invite(self, name):
        """A token with which `name` may join. What the cluster remembers of a lost host of that name is removed first.

        Raises LxdError where a member of that name is alive.
        """
        members = self.members()
        if name in members:
            self._forget(name, members[name])
        self.actions.append(f"{name}: invited")
        if self.check:
            return ""
        made = self.lxd.start("POST", "/1.0/cluster/members", {"server_name": name})["metadata"]
        token = {
            "server_name": made["serverName"],
            "fingerprint": made["fingerprint"],
            "addresses": made["addresses"],
            "secret": made["secret"],
            "expires_at": made["expiresAt"],
        }
        return base64.b64encode(json.dumps(token).encode()).decode()

    def _forget(self, name, member):
        """Remove a member whose host came back bare, once LXD agrees that it is gone."""
        for _second in range(0 if self.check else OFFLINE_SECONDS):
            if member["status"].lower() == "offline":
                break
            self.sleep(1)
            member = self.members().get(name, {"status": "offline"})
        else:
            if not self.check:
                raise LxdError(
                    f"The cluster has a member {name} that is {member['status']}, but the host {name} of the inventory "
                    f"is not in it: two machines have that name, or a join was broken off. Find out what answers at "
                    f"{member['url']}; `lxc cluster remove --force {name}` makes room."
                )
        url = f"/1.0/cluster/members/{quote(name)}?force=1"
        self.act(f"{name}: forgotten, its host has lost its LXD", "DELETE", url, None, timeout=JOIN_SECONDS)

    def remove(self, name, lost=False):
        """The cluster has no member `name`. What is left there of no app (stock: clones are made of it) goes with it.

        Raises LxdError where it has anything else, or is offline, unless it is `lost` for good.
        """
        member = self.members().get(name)
        if member is None:
            return
        if name == self.name:
            raise LxdError(f"{name} cannot remove itself: ask another member.")
        offline = member["status"].lower() == "offline"
        if offline and not lost:
            raise LxdError(
                f"{name} is offline: power it on, so that it leaves in order. If it is lost for good, say so (lost)."
            )
        instances = [each for each in self.lxd.request("GET", "/1.0/instances?recursion=1") if each["location"] == name]
        others = [each["name"] for each in instances if each["config"].get(KIND) != STOCK] if not offline else []
        if others:
            raise LxdError(f"{name} still has {len(others)} containers ({', '.join(others[:3])} …): drain it first.")
        for each in [] if offline else instances:
            own = f"/1.0/instances/{quote(each['name'])}"
            if each["status"] != "Stopped":  # LXD deletes none that runs
                stop = {"action": "stop", "force": True, "timeout": 30}
                self.act(f"{each['name']}: stopped", "PUT", f"{own}/state", stop)
            self.act(f"{each['name']}: deleted", "DELETE", own, None)
        url = f"/1.0/cluster/members/{quote(name)}{'?force=1' if offline else ''}"
        self.act(f"{name}: removed from the cluster", "DELETE", url, None, timeout=JOIN_SECONDS)

    def join(self, token, certificate_of, pool, pool_config, network):
        """This host is a member of the cluster that `token` is of. `certificate_of(address)` gives the PEM certificate
        with which an address answers; only one that the token names is believed."""
        if self.check and not token:
            self.actions.append(f"{self.name}: joined the cluster")
            return
        self._clear(pool, network)
        ticket = json.loads(base64.b64decode(token))
        address, certificate = self._reach(ticket, certificate_of)
        body = {
            "server_name": self.name,
            "enabled": True,
            "server_address": self.endpoint,
            "cluster_address": address,
            "cluster_certificate": certificate,
            "cluster_password": token,
            "member_config": [
                {"entity": "storage-pool", "name": pool, "key": key, "value": value}
                for key, value in pool_config.items()
                if key in ("source", "size")
            ],
        }
        self.act(f"{self.name}: joined the cluster", "PUT", "/1.0/cluster", body, timeout=JOIN_SECONDS)

    def _reach(self, ticket, certificate_of):
        reasons = []
        for address in ticket["addresses"]:
            try:
                certificate = certificate_of(address)
            except OSError as error:
                reasons.append(f"{address}: {error}")
                continue
            if fingerprint(certificate) == ticket["fingerprint"]:
                return address, certificate
            reasons.append(f"{address}: answers with a certificate that is not the cluster's")
        raise LxdError(f"{self.name} reaches no member of the cluster ({'; '.join(reasons)}): check the network.")

    def _clear(self, pool, network):
        """Remove what a join that was broken off left behind; never something that is in use."""
        instances = self.lxd.request("GET", "/1.0/instances")
        if instances:
            raise LxdError(
                f"The LXD of {self.name} has {len(instances)} instances of its own, and a host that joins a cluster "
                f"loses them: move them away (lxc list), then run this again."
            )
        for kind, own in (("networks", network), ("storage-pools", pool)):
            found = self.lxd.find(f"/1.0/{kind}/{quote(own)}")
            if found is not None and found.get("managed", True):
                words = f"{self.name}: removed what an earlier try left of {own}"
                self.act(words, "DELETE", f"/1.0/{kind}/{quote(own)}", None)

    # ---- who may come in, and how the cluster shows itself ----

    def trusts(self, name, pem, restricted, projects):
        """The client certificate `name` is trusted, and no older one of that name is."""
        wanted, present = fingerprint(pem), False
        for entry in self.lxd.request("GET", "/1.0/certificates?recursion=1"):
            url = f"/1.0/certificates/{entry['fingerprint']}"
            if entry["fingerprint"] == wanted:
                present = True
                body = {"name": name, "type": "client", "restricted": restricted, "projects": projects}
                if any((entry.get(key) or []) != value for key, value in body.items() if key == "projects") or (
                    entry["restricted"] != restricted
                ):
                    self.act(f"certificate {name}: rights changed", "PATCH", url, body)
            elif entry["name"] == name and entry["type"] == "client":
                self.act(f"certificate {name}: an older one is no longer trusted", "DELETE", url, None)
        if not present:
            der = base64.b64encode(ssl.PEM_cert_to_DER_cert(first_certificate(pem))).decode()
            body = {"name": name, "type": "client", "certificate": der, "restricted": restricted, "projects": projects}
            self.act(f"certificate {name}: trusted", "POST", "/1.0/certificates", body)

    def shows(self, certificate, key):
        """The cluster shows itself with `certificate` (PEM). LXD changes it on all members at once: all must be up."""
        found = self.lxd.request("GET", "/1.0")["environment"]["certificate_fingerprint"]
        if found == fingerprint(certificate):
            return
        away = [name for name, member in self.members().items() if member["status"].lower() == "offline"]
        if away:
            raise LxdError(
                f"The cluster's certificate is to be changed, and {', '.join(sorted(away))} would miss it: power it on "
                f"(or take it out of the cluster: lxc cluster remove --force), then run this again."
            )
        body = {"cluster_certificate": certificate, "cluster_certificate_key": key}
        self.act("the cluster's certificate: changed", "PUT", "/1.0/cluster/certificate", body)
