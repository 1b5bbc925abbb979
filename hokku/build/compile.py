"""From a source to a slug in the store: the steps inside the build container, and what the user reads meanwhile."""

from __future__ import annotations

import logging
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hokku.build import again, app_json, buildpacks, bundle, cache, declared, procfile, setup, unpacked
from hokku.build.buildpacks import Buildpack
from hokku.build.container import Container, NotReadable
from hokku.build.declared import Declared
from hokku.build.output import Output
from hokku.build.setup import NOTHING, Setup
from hokku.errors import InvalidParams
from hokku.manifold.lxd import LxdError
from hokku.release import config_vars
from hokku.settings import Settings
from hokku.store import checksum, slugs

log = logging.getLogger(__name__)

_WORK = "/tmp/hokku"
_BUNDLE = "/tmp/hokku-bundle.tar"
_OPEN = 'mkdir -p "$1" && cd "$1" && tar -xf "$2" && rm "$2" && exec ./build prepare "$3"'  # no user's string
_TOO_LARGE, _NO_SUBMODULE = 3, 4  # exit statuses of `build prepare`
_SMALL = 64 * 1024  # bytes of the files that steps leave for the builder


class Rejected(Exception):
    """The build fails because of what was pushed; the text is for `error`, the user has read the reason already."""


@dataclass(frozen=True)
class Order:
    """What is to be built, of which app."""

    build_id: uuid.UUID
    app_id: uuid.UUID
    app_name: str
    stack: str
    commit: str | None
    checksum: str | None
    buildpacks: tuple[str, ...] = field(repr=False)  # heroku/NAME, or URLs that may hold a password
    source: Path
    config_vars: Mapping[str, str] = field(repr=False)
    content: str | None = None  # what its maker says stands for the source
    first: bool = False  # the app was never deployed: app.json counts
    to_release: bool = True


@dataclass(frozen=True)
class Compiled:
    """What came of it. `language` is what the buildpack said it found; `seconds` by phase: build, pack."""

    stored: slugs.Stored
    process_types: dict[str, str]
    default_config: dict[str, str]
    language: str
    seconds: dict[str, float]
    setup: Setup = NOTHING
    made_from: bytes | None = None
    built: bool = True  # and not found: only what was built leaves a cache


def compile_slug(order: Order, container: Container, output: Output, settings: Settings) -> Compiled:
    """Build the order in the container, which is not running yet. Raises Rejected or LxdError."""
    began = time.monotonic()
    output.step(f"Building on the {order.stack.title()} stack")
    named = _chosen(order, output)
    _verify(order, output)
    image = container.choose(_image(order, output, settings))
    made_from = _made_from(order, image, named)
    known = again.find(order.app_id, made_from) if made_from and not order.first else None
    if known is not None:
        return _as_before(order, known, time.monotonic() - began, output)
    container.start(image)
    _prepare(order, named, container, output, settings)
    wanted = _setup(order, container, output, settings) if order.first else NOTHING
    if wanted.changes_the_build:
        order = _changed(order, wanted)
        named = _chosen(order, output)
        if wanted.stack:
            output.step(f"Building on the {order.stack.title()} stack, as app.json says")
        image = container.choose(_image(order, output, settings))
        made_from = _made_from(order, image, named)
        container.start(image)
        _prepare(order, named, container, output, settings)
    packs = named or [_guess(order, container, output)]
    _tell_buildpacks(named, output)
    for number, pack in enumerate(packs):
        _get(order, number, pack, container, output)
    _procfile(container, output)  # before the buildpacks' work, which takes longer
    config: dict[str, str] = {}
    defaults: dict[str, str] = {}
    for number, pack in enumerate(packs):
        language = _detect(order, number, pack, container, output)
        if _step(container, order, output, "compile", str(number)) != 0:
            output.say("\n")
            raise _reject(output, f"failed to compile {language} app")
        said = _declared(container, pack, output)
        config |= said.config_vars
        defaults |= said.default_process_types
    types = _together(defaults | _procfile(container, output), config, output)
    _tell_types(types, "Procfile and buildpack declare" if defaults else "Procfile declares", output)
    built = time.monotonic()
    stored = _pack(order, container, output, settings)
    seconds = {"build": built - began, "pack": time.monotonic() - built}
    key = made_from.of(container.read(f"{_WORK}/once", 8)) if made_from else None
    return Compiled(stored, types, config, language, seconds, wanted, key)


def _made_from(order: Order, image: str, named: list[Buildpack]) -> again.Digests | None:
    source = again.content(order.content, order.source)
    return again.digests(source, image, order.stack, named, order.config_vars)


def _as_before(order: Order, known: again.Known, spent: float, output: Output) -> Compiled:
    """The slug of an earlier build, told as a build is."""
    which = f"v{known.version}" if known.version else "the last build"
    output.step(f"Using the slug of {which}: source, config vars, buildpacks and stack are the same")
    output.detail(f"To build it anew: heroku builds:cache:purge --app {order.app_name} (of the plugin heroku-builds)")
    _tell_types(known.process_types, "Slug declares", output)
    seconds = {"build": spent, "pack": 0.0}
    return Compiled(
        known.stored, known.process_types, known.default_config, known.language, seconds, made_from=known.made_from,
        built=False,
    )  # fmt: skip


def _chosen(order: Order, output: Output) -> list[Buildpack]:
    try:
        return buildpacks.chosen(order.buildpacks)
    except buildpacks.BadBuildpack as error:
        output.bang(str(error))
        raise _reject(output, "no such buildpack") from None


def _image(order: Order, output: Output, settings: Settings) -> str:
    """The alias of the image to build in."""
    try:
        return settings.stack(order.stack).build_image
    except KeyError:
        names = ", ".join(stack.name for stack in settings.stacks)
        output.bang(f"The platform does not offer the stack {order.stack} any more. Choose one of: {names}")
        output.bang("with `heroku stack:set STACK`, and push again.")
        raise _reject(output, f"there is no stack {order.stack}") from None


def _verify(order: Order, output: Output) -> None:
    """The source must be what its checksum says."""
    if order.checksum is None:
        return
    found = checksum.of(order.source)
    if found != order.checksum:
        output.bang(f"The source has the checksum {found}, and not {order.checksum}: upload it again.")
        raise _reject(output, "the source is damaged")


def _prepare(order: Order, named: list[Buildpack], container: Container, output: Output, settings: Settings) -> None:
    with tempfile.TemporaryFile() as file:
        bundle.write(
            file,
            source=order.source,
            cache=cache.find(order.app_id, order.stack),
            config_vars=order.config_vars,
            buildpacks=named,
        )
        file.seek(0)
        container.push(_BUNDLE, file)
    limit = settings.source_max_size
    argv = ["/bin/bash", "-c", _OPEN, "bash", _WORK, _BUNDLE, str(limit)]
    status = container.run(argv, _environment(order), output.raw)
    if status == _TOO_LARGE:
        output.bang(f"The source unpacks to more than {limit // 1024**2} MB: leave out what is not needed to build.")
        raise _reject(output, "the source is too large")
    if status == _NO_SUBMODULE:
        raise _reject(output, "a submodule could not be fetched")
    if status != 0:
        output.bang("The source is no gzipped tarball of files that stay within it: make it with `git archive` or")
        output.bang("`tar czf source.tgz .`, and upload it again.")
        raise _reject(output, "the source could not be unpacked")


def _setup(order: Order, container: Container, output: Output, settings: Settings) -> Setup:
    """What app.json wants for this first build."""
    content = _of_app(container, "app.json", app_json.LIMIT, output)
    if content is None:
        return NOTHING
    try:
        found = app_json.parse(content)
        return setup.decide(
            found, config_vars=order.config_vars, named=bool(order.buildpacks), stack=order.stack, known=settings,
            tell=output.bang,
        )  # fmt: skip
    except (app_json.BadAppJson, buildpacks.BadBuildpack) as error:
        output.bang(str(error))
        raise _reject(output, "bad app.json") from None


def _changed(order: Order, wanted: Setup) -> Order:
    config_vars = {**order.config_vars, **wanted.config_vars}
    packs = order.buildpacks or wanted.buildpacks
    return replace(order, config_vars=config_vars, buildpacks=packs, stack=wanted.stack or order.stack)


def _guess(order: Order, container: Container, output: Output) -> Buildpack:
    """The first of the platform's buildpacks that fits."""
    output.step("Determining which buildpack to use for this app")
    if _step(container, order, output, "guess", *buildpacks.known()) == 0:
        name, _ = _detected(container)
        return buildpacks.parse(f"heroku/{name}")
    output.bang("No default language could be detected for this app.")
    output.detail("HINT: in the root folder of what is pushed, a language is found by these files:")
    for name in buildpacks.known():
        output.detail(f"{name + ':':8}{buildpacks.FOUND_BY[name]}")
    output.detail("Commit what is missing and push again, or name a buildpack: heroku buildpacks:set heroku/NAME")
    raise _reject(output, "no default language could be detected")


def _tell_buildpacks(named: list[Buildpack], output: Output) -> None:
    if len(named) == 1:
        output.step(f"Using buildpack: {named[0].shown}")
    elif named:
        output.step("Using buildpacks:")
        for number, pack in enumerate(named, start=1):
            output.detail(f"{number}. {pack.shown}")


def _get(order: Order, number: int, pack: Buildpack, container: Container, output: Output) -> None:
    """Have the buildpack in its place in the container; one that is named by URL is fetched there."""
    if pack.url:
        output.step(f"Fetching buildpack {pack.shown}")
        words = ("fetch", str(number), "tarball" if pack.tarball else "git")
    else:
        words = ("use", str(number), pack.short)
    if _step(container, order, output, *words) != 0:
        raise _reject(output, "failed to fetch a buildpack")


def _detect(order: Order, number: int, pack: Buildpack, container: Container, output: Output) -> str:
    """What the buildpack says the app is."""
    if _step(container, order, output, "detect", str(number)) != 0:
        output.step(f"App not compatible with buildpack: {pack.shown}")
        output.detail("`heroku buildpacks` lists what is set, `heroku buildpacks:clear` lets the platform detect.")
        output.say("\n")
        raise _reject(output, f"the buildpack {pack.shown} does not fit this app")
    _, language = _detected(container)
    language = language or pack.shown
    output.step(f"{language} app detected")
    return language


def _detected(container: Container) -> tuple[str, str]:
    """(place or name of the buildpack, what its bin/detect said, made safe to print)."""
    content = (container.read(f"{_WORK}/detected", _SMALL) or b"").decode("utf-8", "replace")
    name, _, said = content.partition("\t")
    return name, "".join(char for char in said.strip()[:100] if char.isprintable())


def _procfile(container: Container, output: Output) -> dict[str, str]:
    content = _of_app(container, "Procfile", procfile.LIMIT, output)
    if content is None:
        return {}
    try:
        return procfile.parse(content)
    except procfile.BadProcfile as error:
        output.bang(str(error))
        raise _reject(output, "bad Procfile") from None


def _declared(container: Container, pack: Buildpack, output: Output) -> Declared:
    """What the buildpack's bin/release says."""
    content = container.read(f"{_WORK}/declared", declared.LIMIT) or b""
    try:
        return declared.checked(declared.parse(content.decode("utf-8", "replace")), pack.shown, len(content))
    except declared.BadDeclaration as error:
        output.bang(str(error))
        raise _reject(output, "bad bin/release") from None


def _together(types: dict[str, str], config: dict[str, str], output: Output) -> dict[str, str]:
    """The process types, if what Procfile and buildpacks declare is not too much together."""
    try:
        config_vars.bounded(config, "the buildpacks")
        return procfile.checked(types)
    except (procfile.BadProcfile, InvalidParams) as error:
        output.bang(f"Procfile and buildpacks declare too much together: {error}")
        raise _reject(output, "too much is declared") from None


def _of_app(container: Container, name: str, limit: int, output: Output) -> bytes | None:
    try:
        return container.read_of_app(f"/app/{name}", limit)
    except NotReadable:
        output.bang(f"The app's {name} is no file that can be read: make it a plain one.")
        raise _reject(output, f"bad {name}") from None


def _tell_types(types: dict[str, str], who: str, output: Output) -> None:
    output.step("Discovering process types")
    output.detail(f"{who} types -> {', '.join(types) or '(none)'}")
    output.say("\n")


def _pack(order: Order, container: Container, output: Output, settings: Settings) -> slugs.Stored:
    output.step("Compressing...")
    if _step(container, order, output, "pack") != 0:
        output.bang("The slug could not be packed: a file of the app cannot be read, or the disk is full.")
        raise _reject(output, "the slug could not be packed")
    limit = settings.slug_max_size
    said = (container.read(f"{_WORK}/slug.size", 18) or b"").strip()  # by the build: it is counted again
    try:
        if said.isdigit() and int(said) > limit:
            raise slugs.TooLarge(int(said), limit)
        chunks = unpacked.bounded(container.pull(f"{_WORK}/slug.tar.zst"), settings.build_disk * 1024**2)
        stored = slugs.keep(chunks, limit)
    except unpacked.TooMuch:
        output.bang(f"The slug unpacks to more than {settings.build_disk} MB: leave out what is not needed to run.")
        raise _reject(output, "the slug is too large") from None
    except unpacked.Broken:
        output.bang("The slug is no whole archive: leave the files of the build in /tmp alone.")
        raise _reject(output, "the slug is broken") from None
    except slugs.TooLarge as error:
        output.bang(f"Compiled slug size: {_megabytes(error.size)} is too large (max is {limit // 1024**2}M).")
        raise _reject(output, "the slug is too large") from None
    output.detail(f"Done: {_megabytes(stored.size)}")
    return stored


def keep_cache(order: Order, container: Container, output: Output) -> None:
    """Keep what the buildpacks cached, if that changed; a failure costs the next build time, nothing else."""
    try:
        if _step(container, order, output, "cache") == 0 and container.read(f"{_WORK}/cache.size", 64):
            cache.keep(order.app_id, order.stack, container.pull(f"{_WORK}/cache.tar.zst"))
    except (LxdError, OSError, OverflowError) as error:
        log.warning("build %s: the cache is not kept: %s", order.build_id, error)


def _step(container: Container, order: Order, output: Output, *words: str) -> int:
    return container.run([f"{_WORK}/build", *words], _environment(order), output.raw)


def _environment(order: Order) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": f"{_WORK}/home",
        "LANG": "C.UTF-8",
        "STACK": order.stack,
        "SOURCE_VERSION": order.commit or "",
        "REQUEST_ID": str(order.build_id),
    }


def _reject(output: Output, why: str) -> Rejected:
    output.bang(f"Push rejected, {why}.")
    output.say("\n")
    output.bang("Push failed")
    return Rejected(why)


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:.1f}M"
