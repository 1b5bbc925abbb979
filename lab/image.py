"""The machines' image: a minimal Debian with systemd, sshd and Python, built once on this computer by mmdebstrap."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

from lab import settings, sources
from lab.command import lxc, run
from lab.progress import step

_FILES = Path(__file__).resolve().parent / "image_files"
_PACKAGES = (
    "systemd-sysv,udev,dbus,libpam-systemd,ifupdown,isc-dhcp-client,iproute2,netbase,procps,kmod,"
    "openssh-server,python3,python3-apt,sudo,ca-certificates,less"
)
_NESTED_IDS = "_lxd:1000000:9000000\nroot:1000000:9000000\n"
"""A part of a machine's own 10,000,001 ids that fits into it, for the containers of the LXD inside."""
_CUSTOMIZE = (
    'chroot "$1" update-ca-certificates',
    'chroot "$1" systemctl enable hokku-lab-cgroups.service ssh.service',
    'chroot "$1" systemctl mask systemd-udevd.service systemd-udev-trigger.service systemd-binfmt.service',
    'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/resolv.conf "$1"/etc/hostname',
    ': > "$1"/etc/machine-id',
)


def ensure() -> None:
    """Have the image in the lab's LXD under its alias: built when its recipe changed, imported when LXD lacks it."""
    recipe = _recipe()
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    images = json.loads(lxc("image", "list", "--format=json"))
    if any(image.get("properties", {}).get("recipe") == digest for image in images):
        return
    settings.IMAGE_DIR.mkdir(mode=0o700, exist_ok=True)
    rootfs = settings.IMAGE_DIR / f"{digest}.tar"
    if not rootfs.exists():
        with step("Building the machines' base image (mmdebstrap; Debian's packages are downloaded)"):
            _build(rootfs)
    with step("Importing the base image into LXD"):
        metadata = settings.IMAGE_DIR / f"{digest}.metadata.tar"
        _write_metadata(metadata, digest)
        for image in images:
            lxc("image", "delete", image["fingerprint"])
        lxc("image", "import", str(metadata), str(rootfs), f"--alias={settings.IMAGE_ALIAS}")
    for other in settings.IMAGE_DIR.iterdir():
        if not other.name.startswith(digest):
            shutil.rmtree(other) if other.is_dir() else other.unlink()


def _tree() -> dict[str, tuple[int, str]]:
    """The files that the image has besides its packages: path → (mode, content)."""
    debian = sources.this_computers_sources(settings.SUITE)
    tree = {
        "etc/apt/sources.list": (0o644, "".join(f"{source.line()}\n" for source in debian)),
        "etc/apt/apt.conf.d/90hokku-lab": (0o644, sources.apt_options() + 'Acquire::Languages "none";\n'),
        "etc/dpkg/dpkg.cfg.d/hokku-lab": (0o644, "force-unsafe-io\n"),
        "etc/subuid": (0o644, _NESTED_IDS),
        "etc/subgid": (0o644, _NESTED_IDS),
        "etc/network/interfaces": (0o644, (_FILES / "interfaces").read_text()),
        "etc/systemd/system/ssh.service.d/host-keys.conf": (0o644, (_FILES / "ssh-host-keys.conf").read_text()),
        "etc/systemd/system/hokku-lab-cgroups.service": (0o644, (_FILES / "hokku-lab-cgroups.service").read_text()),
        "usr/local/sbin/hokku-lab-cgroups": (0o755, (_FILES / "hokku-lab-cgroups").read_text()),
    }
    for certificate in sources.extra_certificates():
        tree[f"usr/local/share/ca-certificates/{certificate.name}"] = (0o644, certificate.read_text())
    return tree


def _recipe() -> str:
    return json.dumps([settings.SUITE, _PACKAGES, _CUSTOMIZE, "with apt's lists", sorted(_tree().items())])


def _build(rootfs: Path) -> None:
    tree = settings.IMAGE_DIR / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for name, (mode, content) in _tree().items():
        path = tree / name
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
    unfinished = rootfs.with_suffix(".part.tar")
    archives = [source.line() for source in sources.this_computers_sources(settings.SUITE)]
    hooks = [f"--customize-hook=sync-in {tree} /", *(f"--customize-hook={hook}" for hook in _CUSTOMIZE)]
    options = [f"--aptopt={line}" for line in sources.apt_options().splitlines()]
    run(
        [
            *("mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", "--dpkgopt=force-unsafe-io"),
            "--skip=cleanup/apt/lists",
            *options,
            *hooks,
            *(settings.SUITE, str(unfinished), *archives),
        ],
        timeout=1800,
    )
    unfinished.rename(rootfs)
    shutil.rmtree(tree)


def _write_metadata(path: Path, digest: str) -> None:
    """Write LXD's description of the image; its templates give each machine its own name."""
    description = {
        "architecture": run(["uname", "-m"]).strip(),
        "creation_date": 1,
        "properties": {"description": f"Hokku lab machine, Debian {settings.SUITE}", "recipe": digest},
        "templates": {
            "/etc/hostname": {"when": ["create", "copy"], "template": "hostname.tpl"},
            "/etc/hosts": {"when": ["create"], "template": "hosts.tpl"},
        },
    }
    members = {
        "metadata.yaml": json.dumps(description),
        "templates/hostname.tpl": "{{ container.name }}\n",
        "templates/hosts.tpl": "127.0.0.1 localhost\n127.0.1.1 {{ container.name }}\n::1 localhost ip6-localhost\n",
    }
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.encode())
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content.encode()))
