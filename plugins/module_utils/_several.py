# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: modules of other collections must not import it.

"""What an app has several of (domains, drains, collaborators): given one, some or all of them, in one task."""

from __future__ import annotations

from ansible_collections.hokku.platform.plugins.module_utils._api import ApiError


def argument_spec(one, many, secret=False):
    """The options `one`, `many`, `state` and `exact`."""
    return {
        one: {"type": "str", "no_log": secret},
        many: {"type": "list", "elements": "str", "no_log": secret},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "exact": {"type": "bool", "default": False},
    }


def constraints(one, many):
    """What `run` is told of them."""
    return {"mutually_exclusive": [(one, many)], "required_one_of": [(one, many)]}


def given(params, one, many, checked):
    """What was given, each as `checked(text)` writes it, once. Raises ApiError, of the options as well."""
    if params["exact"] and params["state"] == "absent":
        raise ApiError("exact says what there is and nothing else: it does not go with state absent.")
    texts = params[many] if params[one] is None else [params[one]]
    return list(dict.fromkeys(checked(text) for text in texts))


def moves(present, wanted, params):
    """What of `wanted` is to be added, and what of `present` to be removed."""
    if params["state"] == "absent":
        return [], [each for each in wanted if each in present]
    added = [each for each in wanted if each not in present]
    return added, [each for each in present if each not in wanted] if params["exact"] else []
