"""`python -m docs.generate` writes what differs; with `--check` it writes nothing and names it, with status 1."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.generate import pages

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Write or check all generated pages of this checkout; gives the exit status."""
    stale = pages.stale(ROOT)
    for path, text in stale.items():
        if arguments == ["--check"]:
            print(f"{path.relative_to(ROOT)} is not what its source says: run `make docs`.", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            print(f"{path.relative_to(ROOT)} is written")
    return 1 if stale and arguments == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
