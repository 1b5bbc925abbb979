#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: certificate
short_description: An application's domains are served with this certificate
version_added: 0.2.0
author: [The Hokku developers (@hokku)]
description:
  - Adds, renews or removes a certificate (an SNI endpoint) of an application, and has domains served with it.
  - Private keys cannot be read back from the platform. A certificate is the same when its fingerprint is, as it is good
    for one key alone; that the two belong together is checked before anything is asked.
options:
  app:
    description: The application's name or id.
    type: str
    required: true
  name:
    description:
      - Name or id of the endpoint that is renewed or removed. The platform chooses the name of a new one.
      - Where it is not given, it is the endpoint with the same certificate, else the oldest one that serves some of
        O(domains) and no others, else a new one.
    type: str
  certificate_chain:
    description: The certificate and those that signed it in PEM, in any order.
    type: str
  certificate_file:
    description: A file with them, on the host where the module runs.
    type: path
  private_key:
    description: The certificate's private key in PEM, without a passphrase.
    type: str
  private_key_file:
    description: A file with it, on the host where the module runs.
    type: path
  domains:
    description:
      - Hostnames of the application that are served with it. M(hokku.platform.domain) adds them to the application.
      - Others that are served with it stay so.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(present) needs a certificate and its key.
      - V(absent) needs O(name) or a certificate; domains are served with the platform's own again.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - hokku.platform.api
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: The shop's names are served with its certificate
  hokku.platform.certificate:
    app: shop
    certificate_file: /etc/letsencrypt/live/example.com/fullchain.pem
    private_key_file: /etc/letsencrypt/live/example.com/privkey.pem
    domains: [www.example.com, shop.example.com]

- name: A certificate with its key from a vault
  hokku.platform.certificate:
    app: shop
    certificate_chain: "{{ lookup('file', 'shop.crt') }}"
    private_key: "{{ vault_shop_key }}"
    domains: [www.example.com]

- name: A certificate is gone
  hokku.platform.certificate:
    app: shop
    name: triceratops-12345
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode.
  returned: always
  type: list
  elements: str
  sample: ["certificate triceratops-12345 renewed", "domain www.example.com served with certificate triceratops-12345"]
certificate:
  description: The certificate after the task.
  returned: when there is one; a new one has no name yet in check mode, and is not told then
  type: dict
  contains:
    id:
      description: Id of the endpoint that holds it.
      type: str
    name:
      description: Name of the endpoint, which the platform chose.
      type: str
    domains:
      description: The application's hostnames that are served with it.
      type: list
      elements: str
    fingerprint:
      description: SHA-256 of the certificate, as C(openssl x509 -fingerprint -sha256) prints it.
      type: str
    cert_domains:
      description: Hostnames that the certificate is good for.
      type: list
      elements: str
    starts_at:
      description: When it begins to be valid, in UTC.
      type: str
    expires_at:
      description: When it ends to be valid, in UTC.
      type: str
    issuer:
      description: Who signed it.
      type: str
    subject:
      description: Whom it names.
      type: str
    self_signed:
      description: Whether it signed itself.
      type: bool
    ca_signed:
      description: Whether an authority signed it that the platform trusts.
      type: bool
"""

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._certificates import (
    fingerprint,
    own_first,
    read_chain,
    shown,
)
from ansible_collections.hokku.platform.plugins.module_utils._domains import hostname
from ansible_collections.hokku.platform.plugins.module_utils._platform import run


def text_of(params, content, file):
    """What the option or the file of the option holds, or None where neither was given. Raises ApiError."""
    if params[content] is not None or params[file] is None:
        return params[content]
    try:
        with open(params[file], encoding="ascii", errors="replace") as opened:
            return opened.read()
    except OSError as error:
        raise ApiError(f"{file} {params[file]} cannot be read: {error.strerror}.") from None


def chosen(rows, domains, name, chain, hostnames, app):
    """The endpoint to be kept or renewed, or None for a new one. `rows`: the oldest first. Raises ApiError."""
    if name is not None:
        found = next((row for row in rows if name in (row["id"], row["name"])), None)
        if found is None:
            raise ApiError(f"{app} has no certificate {name!r}: leave name out to add one, which the platform names.")
        return found
    same = [row for row in rows if read_chain(row["certificate_chain"])[0] == chain[0]]
    serving = {row["id"]: {one["hostname"] for one in domains.values() if in_use(one, row)} for row in rows}
    fitting = [row for row in rows if serving[row["id"]] and serving[row["id"]] <= set(hostnames)]
    best = [row for row in same if serving[row["id"]] & set(hostnames)]
    return next(iter([*best, *same, *fitting]), None)


def in_use(domain, row):
    """Whether the domain is served with this endpoint's certificate."""
    return row is not None and domain["sni_endpoint"] is not None and domain["sni_endpoint"]["id"] == row["id"]


def be_present(module, pem, key, chain, hostnames, rows, domains):
    app = module.params["app"]
    missing = [name for name in hostnames if name not in domains]
    if missing:
        raise ApiError(f"{missing[0]} is no domain of {app}: add it with hokku.platform.domain first.")
    row = chosen(rows, domains, module.params["name"], chain, hostnames, app)
    kept = read_chain(row["certificate_chain"]) if row else []
    serving = [name for name in domains if in_use(domains[name], row)]
    moving = [name for name in hostnames if name not in serving]
    if not kept or kept[0] != chain[0] or set(kept) != set(chain):
        module.differs("chain", [fingerprint(one) for one in kept] or None, [fingerprint(one) for one in chain])
        body = {"certificate_chain": pem, "private_key": key}
        if row is None:
            row = module.act("certificate added", "POST", path("apps", app, "sni-endpoints"), body)
        else:
            where = path("apps", app, "sni-endpoints", row["id"])
            row = module.act(f"certificate {row['name']} renewed", "PATCH", where, body) or row
    for name in moving:
        said = f"domain {name} served with {'certificate ' + row['name'] if row else 'the new certificate'}"
        module.act(said, "PATCH", path("apps", app, "domains", name), {"sni_endpoint": row["id"] if row else None})
    module.differs("domains", sorted(serving), sorted([*serving, *moving]))
    module.done(**({"certificate": shown(row, [*serving, *moving])} if row else {}))


def be_absent(module, chain, rows, domains):
    app, name = module.params["app"], module.params["name"]
    for row in rows:
        own = read_chain(row["certificate_chain"])[0]
        if name in (row["id"], row["name"]) or (name is None and own in chain):
            module.differs(row["name"], {"fingerprint": fingerprint(own), "domains": summary(domains, row)}, None)
            module.act(f"certificate {row['name']} removed", "DELETE", path("apps", app, "sni-endpoints", row["id"]))
    module.done()


def summary(domains, row):
    return sorted(name for name in domains if in_use(domains[name], row))


def work(module):
    params, app = module.params, module.params["app"]
    hostnames = list(dict.fromkeys(hostname(name) for name in params["domains"]))
    key = text_of(params, "private_key", "private_key_file")
    module.keep_secret(key)
    pem = text_of(params, "certificate_chain", "certificate_file")
    if pem is not None and "PRIVATE KEY" in pem:
        module.keep_secret(pem)
    chain = read_chain(pem) if pem is not None else []
    if params["state"] == "present":
        chain = own_first(chain, key)
    rows = module.api.list(path("apps", app, "sni-endpoints"), "created_at ..")
    listed = module.api.list(path("apps", app, "domains"), "hostname ..")
    domains = {row["hostname"]: row for row in listed if row["kind"] != "heroku"}
    if params["state"] == "present":
        be_present(module, pem, key, chain, hostnames, rows, domains)
    be_absent(module, chain, rows, domains)


def main():
    run(
        work,
        {
            "app": {"type": "str", "required": True},
            "name": {"type": "str"},
            "certificate_chain": {"type": "str"},
            "certificate_file": {"type": "path"},
            "private_key": {"type": "str", "no_log": True},
            "private_key_file": {"type": "path", "no_log": False},
            "domains": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        mutually_exclusive=[("certificate_chain", "certificate_file"), ("private_key", "private_key_file")],
        required_if=[
            ("state", "present", ("certificate_chain", "certificate_file"), True),
            ("state", "present", ("private_key", "private_key_file"), True),
            ("state", "absent", ("name", "certificate_chain", "certificate_file"), True),
        ],
    )


if __name__ == "__main__":
    main()
