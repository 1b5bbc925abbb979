"""`fab --list`: the operator's runbooks (docs/runbooks/fabric.md). They live in runbooks/, a file each."""

from runbooks import namespace

__all__ = ["namespace"]
