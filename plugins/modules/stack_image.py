#!/usr/bin/python
# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: stack_image
short_description: The two images of a stack, made from Debian's archive and imported into LXD
version_added: 0.1.0
author: [The Hokku developers (@hokku)]
description:
  - Makes the run image of a Debian release with C(mmdebstrap), then installs compilers and headers into the same root
    file system for the build image. C(dyno-init) is compiled there and put into both.
  - Imports both under their aliases. The cluster distributes them to its members.
  - An image has a version, the time it was made and the first digits of the digest of all its inputs. Both are built
    again when an input changes, when they are older than O(max_age_days), and when O(fresh) asks for it.
  - Removes nothing. What runs on an earlier image stays on it, and the manifold deletes the images that nothing can
    need any more.
options:
  name:
    description: The stack's name for users, such as C(debian-13).
    type: str
    required: true
  suite:
    description: The Debian release, such as C(trixie).
    type: str
    required: true
  alias:
    description: The run image's alias in LXD.
    type: str
    required: true
  build_alias:
    description: The build image's alias in LXD.
    type: str
    required: true
  packages:
    description: Debian packages in both images.
    type: list
    elements: str
    required: true
  build_packages:
    description: Debian packages in the build image alone. C(gcc) and C(libc6-dev) must come with them.
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
    description: Debian mirror.
    type: str
    default: http://deb.debian.org/debian
  security_mirror:
    description: Mirror of Debian's security updates.
    type: str
    default: http://deb.debian.org/debian-security
  updates:
    description: Take C(SUITE-updates) and C(SUITE-security), too. Debian's testing gets its updates itself.
    type: bool
    default: true
  nameserver:
    description: Address of the name server of the dyno network.
    type: str
    required: true
  max_age_days:
    description: Older images are built again. 0 keeps them for ever.
    type: int
    default: 0
  fresh:
    description: Build both images now, with the updates there are, however new those in the cluster are.
    type: bool
    default: false
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: debian
seealso:
  - module: hokku.platform.stack_image_info
"""

EXAMPLES = r"""
- name: The stack debian-13 is there
  hokku.platform.stack_image:
    name: debian-13
    suite: trixie
    alias: hokku/debian-13
    build_alias: hokku/debian-13-build
    packages: [python3, git]
    build_packages: [build-essential, python3-dev]
    init_dir: /usr/local/src/hokku-dyno-init
    nameserver: 10.99.0.1
"""

RETURN = r"""
fingerprint:
  description: The run image's fingerprint in LXD.
  returned: when the image is there
  type: str
  sample: 0f3a…
version:
  description: The version that both images have.
  returned: when the images are there
  type: str
  sample: 20261124T130142Z-5f0c2b1e
actions:
  description: What was done.
  returned: always
  type: list
  elements: str
  sample: ["built", "imported"]
"""

import io
import json
import os
import shutil
import tarfile
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hokku.platform.plugins.module_utils import _stack as recipe
from ansible_collections.hokku.platform.plugins.module_utils._lxd import Lxd, LxdError


class Stack:
    """Makes one stack's images on this host."""

    def __init__(self, module):
        self.module, self.params, self.actions = module, module.params, []

    def run(self, argv, what):
        status, out, err = self.module.run_command(argv)
        if status != 0:
            lines = (err or out).strip().splitlines() or ["it said nothing"]
            last = next((line for line in lines if line.startswith("E: ")), lines[-1])  # mmdebstrap: the cause first
            self.module.fail_json(
                msg=f"Stack {self.params['name']}: {what} failed: {last}", stderr=err[-4000:], actions=self.actions
            )
        return out

    def images(self):
        return json.loads(self.run(["lxc", "image", "list", "--format", "json"], "listing the images"))

    def build(self, files, work):
        """Make both root file systems in `work`; the paths of their compressed tars by the image's role."""
        overlay, root, run = (os.path.join(work, name) for name in ("overlay", "root", "run.tar"))
        for name, content in files.items():
            path = os.path.join(overlay, name)
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
            os.chmod(path, 0o644)
        options = recipe.apt_options(self.run(["apt-config", "dump"], "asking apt for its configuration"))
        argv = [
            "mmdebstrap", "--format=directory", "--variant=minbase", "--skip=cleanup/apt/lists",
            *(f"--aptopt={option}" for option in options), "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.LEFT_OUT),
            f"--include={','.join(self.params['packages'])}",
            f"--customize-hook=sync-in {overlay} /", *(f"--customize-hook={hook}" for hook in recipe.HOOKS),
            self.params["suite"], root, *recipe.sources(self.params),
        ]  # fmt: skip
        self.run(argv, "making the run image with mmdebstrap")
        pack = ["tar", "--numeric-owner", *(f"--exclude={path}" for path in recipe.NOT_PACKED), f"--directory={root}"]
        self.run([*pack, f"--file={run}", "--create", "."], "packing the run image")
        argv = ["unshare", "--mount", "sh", "-c", recipe.CONTINUE, "sh", root, *self.params["build_packages"]]
        self.run(argv, "making the build image")
        argv = ["tar", "--numeric-owner", f"--directory={root}", f"--file={run}", "--append", recipe.INIT]
        self.run(argv, "adding dyno-init to the run image")
        self.run(["zstd", "--quiet", "--rm", "-3", "-T0", run], "compressing the run image")
        build = os.path.join(work, "build.tar.zst")
        zstd = "--use-compress-program=zstd -3 -T0"
        self.run([*pack, f"--file={build}", zstd, "--create", "."], "packing the build image")
        self.actions.append("built")
        return {"run": f"{run}.zst", "build": build}

    def import_image(self, rootfs, about, work):
        """Import an image; its fingerprint."""
        path = os.path.join(work, "metadata.tar")
        text = json.dumps(about).encode()
        with tarfile.open(path, "w") as archive:
            entry = tarfile.TarInfo("metadata.yaml")
            entry.size, entry.mode = len(text), 0o644
            archive.addfile(entry, io.BytesIO(text))
        self.run(["lxc", "image", "import", path, rootfs], "importing the image")
        mine = about["properties"].items()
        return next(each["fingerprint"] for each in self.images() if mine <= each["properties"].items())

    def name(self, alias, fingerprint):
        """Have the image under the alias, in place of the one that has it."""
        try:
            recipe.point(Lxd(), alias, fingerprint)
        except LxdError as error:
            self.module.fail_json(
                msg=f"Stack {self.params['name']}: naming its image {alias} failed: {error}", actions=self.actions
            )

    def replace(self, files, inputs, work):
        """Build and import both images; what became the stack's is told as the module tells it."""
        rootfs = self.build(files, work)
        made = int(time.time())
        about = {role: recipe.metadata(self.params, role, inputs, made) for role in rootfs}
        found = {role: self.import_image(rootfs[role], about[role], work) for role in rootfs}
        # one after the other at once: a build and what it makes shall be of one version
        self.name(self.params["build_alias"], found["build"])
        self.name(self.params["alias"], found["run"])
        self.actions.append("imported")
        return {"fingerprint": found["run"], "version": recipe.version(made, inputs)}


def main():
    module = AnsibleModule(argument_spec=recipe.ARGUMENTS, supports_check_mode=True)
    params, stack = module.params, Stack(module)
    if module.check_mode and not (os.path.isdir(params["init_dir"]) and shutil.which("lxc")):
        module.exit_json(changed=True, actions=[])  # a host that has yet to become one that makes images
    files = recipe.tree(params)
    inputs = recipe.digest(params, files)
    pair = recipe.right(params, stack.images(), inputs, time.time())
    if pair:
        known = {"fingerprint": pair[0]["fingerprint"], "version": pair[0]["properties"]["hokku.version"]}
        module.exit_json(changed=False, actions=[], **known)
    if module.check_mode:
        module.exit_json(changed=True, actions=[])
    work = tempfile.mkdtemp(prefix="hokku-stack-", dir="/var/tmp")
    os.chmod(work, 0o711)  # apt downloads as a user of its own
    try:
        made = stack.replace(files, inputs, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    module.exit_json(changed=True, actions=stack.actions, **made)


if __name__ == "__main__":
    main()
