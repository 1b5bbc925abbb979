#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: stack_image
short_description: The image of a stack, made from Debian's archive and imported into LXD
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Builds a root file system of a Debian release with C(mmdebstrap), compiles C(dyno-init) inside, and imports it
    under its alias. The cluster distributes it to its members.
  - The image keeps a digest of all its inputs in its property C(hokku.inputs); it is built again when they change or
    when it is older than O(max_age_days), so that security updates come in.
  - Earlier images of the stack are removed once the new one is there. Containers made from them stay.
options:
  name:
    description: The stack's name for users, such as C(debian-12).
    type: str
    required: true
  suite:
    description: The Debian release, such as C(bookworm).
    type: str
    required: true
  alias:
    description: The image's alias in LXD.
    type: str
    required: true
  packages:
    description: Debian packages in the image.
    type: list
    elements: str
    required: true
  init_dir:
    description: Directory on the host with C(dyno-init.c), its headers and C(dyno-start).
    type: path
    required: true
  ca_dir:
    description: Directory on the host with further CA certificates (C(*.crt)) that the stack shall trust.
    type: path
    default: /usr/local/share/ca-certificates
  mirror:
    description: Debian mirror; mmdebstrap's own default, with security updates, when empty.
    type: str
    default: ""
  nameserver:
    description: Address of the name server of the dyno network.
    type: str
    required: true
  max_age_days:
    description: An older image is built again. 0 keeps it for ever.
    type: int
    default: 0
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: The stack debian-12 is there
  hokku.platform.stack_image:
    name: debian-12
    suite: bookworm
    alias: hokku/debian-12
    packages: [python3, git]
    init_dir: /usr/local/src/hokku-dyno-init
    nameserver: 10.99.0.1
"""

RETURN = r"""
fingerprint:
  description: The image's fingerprint in LXD.
  returned: when the image is there
  type: str
  sample: 0f3a…
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: ["built", "imported"]
"""

import hashlib
import io
import json
import os
import platform
import shutil
import tarfile
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule

RECIPE = 1  # counted up when the steps below change what comes out

PIP = "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\ndisable-pip-version-check = true\n"
PROFILE = (
    "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt\n"
    "REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt\n"
    "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt\n"
)

HOOKS = (
    'chroot "$1" update-ca-certificates',
    'chroot "$1" groupadd --gid 1000 dyno',
    'chroot "$1" useradd --uid 1000 --gid 1000 --home-dir /app --no-create-home --shell /bin/bash dyno',
    'chroot "$1" install -d -o 1000 -g 1000 -m 0755 /app',
    'chroot "$1" install -d -o 0 -g 0 -m 0700 /var/lib/hokku',
    'chroot "$1" install -d -o 0 -g 0 -m 0755 /etc/hokku',
    'chroot "$1" gcc -std=c11 -O2 -Wall -Wextra -o /usr/lib/hokku/dyno-init /usr/lib/hokku/src/dyno-init.c',
    'chmod 0755 "$1/usr/lib/hokku/dyno-start" "$1/usr/lib/hokku/dyno-init"',
    'rm -rf "$1/usr/lib/hokku/src" "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/*',
    'rm -f "$1/etc/hostname"',
    'find "$1/var/log" -type f -delete',
    # apps install what they need into their own tree; Debian's marker would refuse pip even in a build
    'find "$1/usr/lib" -name EXTERNALLY-MANAGED -delete',
)


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


def digest(params, files):
    """What identifies the image's inputs."""
    said = [RECIPE, HOOKS, params["suite"], sorted(params["packages"]), params["mirror"]]
    whole = hashlib.sha256(json.dumps(said).encode())
    for path in sorted(files):
        whole.update(path.encode() + b"\0" + files[path] + b"\0")
    return whole.hexdigest()


def current(images, alias, inputs, oldest):
    """The image under `alias` that was made of `inputs` after the time `oldest` (seconds), or None."""
    for image in images:
        if alias in [each["name"] for each in image.get("aliases") or []]:
            made = float(image["properties"].get("hokku.made", "0"))
            if image["properties"].get("hokku.inputs") == inputs and made >= oldest:
                return image
    return None


class Stack:
    """Makes one stack's image on this host."""

    def __init__(self, module):
        self.module, self.params, self.actions = module, module.params, []

    def run(self, argv, what):
        status, out, err = self.module.run_command(argv)
        if status != 0:
            lines = (err or out).strip().splitlines() or ["it said nothing"]
            self.module.fail_json(
                msg=f"Stack {self.params['name']}: {what} failed: {lines[-1]}", stderr=err[-4000:], actions=self.actions
            )
        return out

    def images(self):
        return json.loads(self.run(["lxc", "image", "list", "--format", "json"], "listing the images"))

    def build(self, files, work):
        """The root file system, as a compressed tar in `work`."""
        overlay = os.path.join(work, "overlay")
        for name, content in files.items():
            path = os.path.join(overlay, name)
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, 0o644)
        rootfs = os.path.join(work, "rootfs.tar.zst")
        argv = [
            "mmdebstrap", "--variant=minbase", "--dpkgopt=force-unsafe-io",
            f"--include={','.join(self.params['packages'])}",
            f"--customize-hook=sync-in {overlay} /", *(f"--customize-hook={hook}" for hook in HOOKS),
            self.params["suite"], rootfs,
        ]  # fmt: skip
        if self.params["mirror"]:
            argv.append(self.params["mirror"])
        self.run(argv, "building it with mmdebstrap")
        self.actions.append("built")
        return rootfs

    def import_image(self, rootfs, inputs, work):
        """Import under the alias, in place of the image that has it."""
        description = {
            "architecture": platform.machine(),
            "creation_date": int(time.time()),
            "properties": {
                "description": f"Hokku stack {self.params['name']}",
                "hokku.inputs": inputs,
                "hokku.made": str(int(time.time())),
                "hokku.stack": self.params["name"],
            },
        }
        metadata = os.path.join(work, "metadata.tar")
        text = json.dumps(description).encode()
        with tarfile.open(metadata, "w") as archive:
            entry = tarfile.TarInfo("metadata.yaml")
            entry.size, entry.mode = len(text), 0o644
            archive.addfile(entry, io.BytesIO(text))
        earlier = [i["fingerprint"] for i in self.images() if i["properties"].get("hokku.stack") == self.params["name"]]
        self.run(["lxc", "image", "import", metadata, rootfs], "importing the image")
        new = next(i for i in self.images() if i["properties"].get("hokku.inputs") == inputs and
                   i["fingerprint"] not in earlier)  # fmt: skip
        alias = self.params["alias"]
        named = [each["name"] for i in self.images() for each in i.get("aliases") or []]
        if alias in named:
            self.run(["lxc", "image", "alias", "delete", alias], "moving the alias")
        self.run(["lxc", "image", "alias", "create", alias, new["fingerprint"]], "naming the image")
        for fingerprint in earlier:
            self.run(["lxc", "image", "delete", fingerprint], "removing the earlier image")
        self.actions.append("imported")
        return new


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "suite": {"type": "str", "required": True},
            "alias": {"type": "str", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "init_dir": {"type": "path", "required": True},
            "ca_dir": {"type": "path", "default": "/usr/local/share/ca-certificates"},
            "mirror": {"type": "str", "default": ""},
            "nameserver": {"type": "str", "required": True},
            "max_age_days": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    stack = Stack(module)
    files = tree(module.params)
    inputs = digest(module.params, files)
    age = module.params["max_age_days"] * 86400
    image = current(stack.images(), module.params["alias"], inputs, time.time() - age if age else 0)
    if image or module.check_mode:
        module.exit_json(changed=not image, actions=stack.actions, fingerprint=(image or {}).get("fingerprint", ""))
    work = tempfile.mkdtemp(prefix="hokku-stack-", dir="/var/tmp")
    try:
        image = stack.import_image(stack.build(files, work), inputs, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    module.exit_json(changed=True, actions=stack.actions, fingerprint=image["fingerprint"])


if __name__ == "__main__":
    main()
