"""`fab diagnose`: one file that tells another person what this platform is like, with no secret in it."""

from __future__ import annotations

import io
import json as documents
import os
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbooks.refusal import Refused
from runbooks.runbook import runbook

MOST = 1 << 20  # characters of one text
SECONDS = 120  # that a machine may take
_READ_ME = """What a Hokku platform was like at {at}: {hosts} machines, of which {lost} were not reached.

hosts/NAME/  what each machine said: its units and their journals, versions, disks, and what belongs to its part
doctor.json  what `fab doctor` found
api/         what the Platform API said of itself

Secrets are masked as {mask}. None of the secrets in the platform's secrets directory is in here: that was looked for
in every file before this archive was kept. What services logged is: names, accounts, addresses.
"""


@runbook(
    help={
        "lines": "so many of the last lines of each journal",
        "output": "the file to write, else diagnose-DATE.tar.gz",
    }
)
def diagnose(context, lines=2000, output="", inventory="", json=False):
    """Collect what tells another person how this platform is, with no secret in it, into diagnose-DATE.tar.gz."""
    from runbooks import inventory as inventories
    from runbooks import masking, parts, reach, screen

    if not 1 <= lines <= 100_000:
        raise Refused(f"--lines is {lines}: give a number from 1 to 100000.")
    platform = inventories.read(inventories.chosen(inventory))
    known = _known(platform)
    about = {"units": parts.UNITS, "lines": lines, "most": MOST}
    answers = reach.everywhere(platform.hosts, "gather", about, SECONDS)
    texts = {f"hosts/{name}/{part}.txt": text for name, answer in answers.items() for part, text in answer.told.items()}
    texts |= {f"hosts/{name}/lost.txt": f"{answer.lost}\n" for name, answer in answers.items() if answer.lost}
    texts |= _api(inventory)
    lost = sum(answer.lost is not None for answer in answers.values())
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    texts["README.txt"] = _READ_ME.format(at=at, hosts=len(answers), lost=lost, mask=masking.MASK)
    secrets = [form for forms in known.values() for form in forms]
    members = {name: masking.masked(text, secrets).encode() for name, text in texts.items()}
    target = Path(output or time.strftime("diagnose-%Y%m%d-%H%M%S.tar.gz", time.gmtime())).resolve()
    write(target, members)
    prove(target, known)
    if json:
        size = target.stat().st_size
        screen.document({"file": str(target), "size": size, "members": sorted(members), "not_reached": lost})
        return
    size = screen.size(target.stat().st_size)
    print(f"{target}: {len(members)} files, {size}; {len(answers) - lost} of {len(answers)} machines")
    print(f"None of the {len(known)} secrets of the platform is in it. Look through it before you give it away.")


def _known(platform: Any) -> Mapping[str, tuple[str, ...]]:
    """The platform's secrets; raises Refused where they are not on this computer: nothing could be proved."""
    from runbooks import masking

    folder = Path(platform.settings.get("hokku_secrets_dir", "")).expanduser()
    try:
        found = masking.secrets(folder) if platform.settings.get("hokku_secrets_dir") else {}
    except OSError as error:
        raise Refused(
            f"{folder} cannot be read ({error.strerror}): without it nobody can tell that no secret leaves."
        ) from None
    if not found:
        raise Refused(
            f"There are no secrets in {folder} (hokku_secrets_dir): without them nobody can tell that none of them "
            "leaves. Run this where the playbooks are run."
        )
    return found


def _api(given: str) -> dict[str, str]:
    """What the API and the doctor say; the doctor's findings are there also when the API is not."""
    from runbooks import access, doctor

    found = [doctor.shown(each) for each in doctor.examined(given)]
    texts = {"doctor.json": documents.dumps(found, indent=2)}
    for name, where in (("health", "/health"), ("hosts", "/hosts")):
        try:
            told = access.api(given).get(where)
        except (access.ApiError, Refused) as error:
            told = {"error": str(error)}
        texts[f"api/{name}.json"] = documents.dumps(told, indent=2)
    return texts


def write(target: Path, members: Mapping[str, bytes]) -> None:
    """Write an archive that its owner alone can read. Raises Refused when the file is there, or cannot be made."""
    folder = target.name.removesuffix(".tar.gz")
    try:
        with (
            open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
            tarfile.open(fileobj=file, mode="w:gz") as archive,
        ):
            for name in sorted(members):
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mode, entry.mtime = len(members[name]), 0o600, int(time.time())
                archive.addfile(entry, io.BytesIO(members[name]))
    except OSError as error:
        raise Refused(f"{target} cannot be written ({error.strerror}): name another file with --output.") from None


def prove(target: Path, known: Mapping[str, tuple[str, ...]]) -> None:
    """Read the archive as it was written and look for every secret. Removes it and raises Refused when one is in it."""
    from runbooks import masking

    with tarfile.open(target) as archive:
        members = {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
    if found := masking.leaks(members, known):
        target.unlink()
        told = ", ".join(sorted({f"{file} (in {name})" for name, file in found}))
        raise Refused(
            f"The file would have held secrets and was removed: {told}. That is a fault of masking: report it."
        )
