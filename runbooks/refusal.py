"""The one error of the runbooks."""

from __future__ import annotations


class Refused(Exception):
    """A task cannot be done: one sentence that names the value and what to do."""
