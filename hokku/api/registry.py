"""/buildpacks: this platform's own buildpacks, as the CLI asks a registry for them (HEROKU_BUILDPACK_REGISTRY_URL).

It needs no token: what it tells stands in the documentation, too.
"""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Query

from hokku import __version__
from hokku.api import answers
from hokku.api.ranges import Ranged
from hokku.build.buildpacks import known
from hokku.errors import NotFound

router = APIRouter(prefix="/buildpacks")
_NAMESPACE = "heroku"
_TITLES = {"nodejs": "Node.js", "php": "PHP", "static": "static files"}  # else the name itself
_SINCE = "2026-01-01T00:00:00Z"
_README = "A part of this platform (version {}). Use it with `heroku buildpacks:set {}`.\n"


def _shape(namespace: str, name: str) -> answers.Buildpack:
    return {
        "blob_url": f"urn:buildpack:{namespace}/{name}",
        "category": "languages",
        "description": f"Builds applications in {_TITLES.get(name, name.title())}",
        "name": name,
        "namespace": namespace,
        "source": {"owner": "hokku", "repo": "hokku", "type": "platform"},
        "support": {"address": "the operator of this platform", "method": "operator"},
    }


@router.get("")
def search(
    ranged: Ranged,
    namespaces: Annotated[list[str], Query(alias="in[namespace][]", description="only of these namespaces")] = [],  # noqa: B006
    names: Annotated[list[str], Query(alias="in[name][]", description="only with these names")] = [],  # noqa: B006
    words: Annotated[str, Query(alias="like[description]", description="words of the description")] = "",
) -> list[answers.Buildpack]:
    """The buildpacks of this platform that fit."""
    found = [_shape(_NAMESPACE, name) for name in known()]
    fitting = [
        pack
        for pack in found
        if (not namespaces or pack["namespace"] in namespaces)
        and (not names or pack["name"] in names)
        and words.lower() in pack["description"].lower()
    ]
    return ranged(fitting, "name")


@router.get("/{namespace}/{name}")
def info(namespace: str, name: str) -> answers.Buildpack:
    """One buildpack.

    It answers for every name, because the CLI passes over a 404 and sets nothing: what is not there is refused, with
    what there is, when it is set.
    """
    return _shape(namespace, name)


@router.get("/{namespace}/{name}/revisions")
def revisions(namespace: str, name: str, ranged: Ranged) -> list[answers.BuildpackRevision]:
    """The one version there is: that of the platform."""
    _check(namespace, name)
    return ranged([{"created_at": _SINCE, "license": "Apache-2.0", "release": 1, "status": "published"}], "release")


@router.get("/{namespace}/{name}/readme")
def readme(namespace: str, name: str) -> answers.BuildpackReadme:
    """What it is, in a sentence."""
    _check(namespace, name)
    text = _README.format(__version__, f"{namespace}/{name}")
    return {"content": base64.b64encode(text.encode()).decode(), "encoding": "base64"}


def _check(namespace: str, name: str) -> None:
    if namespace != _NAMESPACE or name not in known():
        raise NotFound(f"Couldn't find the buildpack {namespace}/{name}.", "buildpack")
