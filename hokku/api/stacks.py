"""/stacks, /regions, /dyno-sizes: what this platform offers, from its settings."""

from __future__ import annotations

from fastapi import APIRouter

from hokku.api import answers
from hokku.api.access import AnyViewer, UsableApp
from hokku.api.ranges import Ranged
from hokku.api.shape import named, size_name
from hokku.errors import InvalidParams, NotFound
from hokku.settings import settings

router = APIRouter()
_ANY = "cedar"  # what heroku3 asks for when its user chose no stack
_IMAGES = "container"  # what heroku container:push tells its user to choose
_SINCE = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}


def check(identity: str) -> str:
    """The name of the stack with this name or id; raises InvalidParams that names the stacks there are."""
    if identity == _ANY:
        return settings().default_stack
    for stack in settings().stacks:
        if identity in (stack.name, named("stack", stack.name)["id"]):
            return stack.name
    names = ", ".join(stack.name for stack in settings().stacks)
    if identity == _IMAGES:
        raise InvalidParams(
            f"Stack container is not there: apps are built by buildpacks, not from images. Choose one of: {names}."
        )
    raise InvalidParams(f"Stack {identity} is not known. Choose one of: {names}.")


def _stacks() -> list[answers.Stack]:
    default = settings().default_stack
    return [
        named("stack", stack.name) | _SINCE | {"default": stack.name == default, "state": "public"}
        for stack in settings().stacks
    ]


@router.get("/stacks")
def stacks(viewer: AnyViewer, ranged: Ranged) -> list[answers.Stack]:
    """The stacks apps can be built on."""
    return ranged(_stacks(), "name", "id")


@router.get("/stacks/{stack}")
def stack(stack: str, viewer: AnyViewer) -> answers.Stack:
    """One stack."""
    for found in _stacks():
        if stack in (found["name"], found["id"]):
            return found
    raise NotFound("Couldn't find that stack.", "stack")


@router.get("/apps/{app}/available-stacks")
def available_stacks(app: UsableApp, ranged: Ranged) -> list[answers.Stack]:
    """The stacks this app can be built on: all."""
    return ranged(_stacks(), "name", "id")


def _region() -> answers.Region:
    name = settings().region
    return (
        named("region", name)
        | _SINCE
        | {
            "country": "-",
            "description": f"The hosts of this platform ({name})",
            "locale": "-",
            "private_capable": False,
            "provider": {"name": "hokku", "region": name},
        }
    )


@router.get("/regions")
def regions(viewer: AnyViewer, ranged: Ranged) -> list[answers.Region]:
    """The one region of this platform."""
    return ranged([_region()], "name", "id")


@router.get("/regions/{region}")
def region(region: str, viewer: AnyViewer) -> answers.Region:
    """One region."""
    if region in (found := _region()).values():
        return found
    raise NotFound("Couldn't find that region.", "region")


def _sizes() -> list[answers.DynoSize]:
    return [
        {
            **named("size", size_name(name)),
            "architecture": "amd64",
            "compute": size.cpu_shares,
            "cost": None,
            "dedicated": False,
            "generation": named("generation", "cedar"),
            "memory": size.memory / 1024,
            "precise_dyno_units": size.cpu_shares / 10,
            "private_space_only": False,
        }
        for name, size in settings().sizes.items()
    ]


@router.get("/dyno-sizes")
def dyno_sizes(viewer: AnyViewer, ranged: Ranged) -> list[answers.DynoSize]:
    """The dyno sizes; `memory` in GB."""
    return ranged(_sizes(), "name", "id")


@router.get("/apps/{app}/available-dyno-sizes")
def available_dyno_sizes(app: UsableApp, ranged: Ranged) -> list[answers.DynoSize]:
    """The dyno sizes this app can have: all."""
    return ranged(_sizes(), "name", "id")
