"""What app.json does for an app that was never deployed: what its owner did not set. On Heroku it is for new apps, too.

It is read before the buildpacks run, which get its config vars, and takes effect with the first release, in the same
transaction: a first build that fails leaves the app as it was.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from hokku import release
from hokku.build import app_json, buildpacks
from hokku.build.app_json import AppJson
from hokku.build.output import Output
from hokku.errors import HokkuError, InvalidParams
from hokku.oneoff import ask, work
from hokku.release import config_vars as rules
from hokku.settings import Settings, settings
from hokku.store import formations
from hokku.store.engine import session
from hokku.store.oneoffs import Order
from hokku.store.sealed import seal
from hokku.store.tables import App, Build, Release

POSTDEPLOY = "postdeploy"
_MARGIN = 120  # seconds that the dyno may live longer than its command may take


@dataclass(frozen=True)
class Setup:
    """What the first release brings with it. `config_vars` hold values that were made, too."""

    config_vars: Mapping[str, str] = field(default_factory=dict, repr=False)
    buildpacks: tuple[str, ...] = field(default=(), repr=False)
    formation: Mapping[str, app_json.Scale] = field(default_factory=dict)
    stack: str | None = None
    postdeploy: str | None = None

    @property
    def changes_the_build(self) -> bool:
        """Whether what was prepared until now is not what is to be built."""
        return bool(self.config_vars or self.buildpacks or self.stack)


NOTHING = Setup()


def decide(
    found: AppJson, *, config_vars: Mapping[str, str], named: bool, stack: str, known: Settings,
    tell: Callable[[str], None],
) -> Setup:  # fmt: skip
    """What of it is done for an app with these config vars, buildpacks (`named`: it has some) and stack.

    `tell` gets a sentence for what is passed over. Raises BadAppJson or BadBuildpack when it cannot be built so.
    """
    made: dict[str, str] = {}
    missing = []
    for name, var in found.env.items():
        if name in config_vars:
            continue
        if var.generated:
            made[name] = secrets.token_hex(32)
        elif var.value is not None:
            made[name] = var.value
        elif var.required:
            missing.append(name)
    if missing:
        raise app_json.BadAppJson(
            f"app.json requires config vars that are not set: run `heroku config:set {missing[0]}=…` and push again. "
            f"Missing: {', '.join(missing)}."
        )
    try:
        rules.bounded({**config_vars, **made}, "this app")
    except InvalidParams as error:
        raise app_json.BadAppJson(f"app.json sets too much: {error.message}") from None
    packs = () if named else found.buildpacks
    buildpacks.chosen(packs)
    if found.addons:
        tell(f"app.json asks for add-ons, which this platform does not provide: {', '.join(found.addons)[:200]}.")
        tell("Attach services by config vars: `heroku config:set DATABASE_URL=…`.")
    return Setup(made, packs, found.formation, _stack(found.stack, stack, known, tell), found.postdeploy)


def _stack(asked: str | None, present: str, known: Settings, tell: Callable[[str], None]) -> str | None:
    """The stack to build on instead, if any. One that the owner chose stays."""
    if asked is None or asked == present or present != known.default_stack:
        return None
    names = [stack.name for stack in known.stacks]
    if asked == "container":
        raise app_json.BadAppJson(
            "app.json asks for the stack container, and this platform builds no images: remove it."
        )
    if asked not in names:
        tell(f"app.json asks for the stack {asked[:60]}, which is not one of {', '.join(names)}: {present} is used.")
        return None
    return asked


def before(opened: Session, app: App, build: Build, wanted: Setup) -> None:
    """What the release is made with: stack, buildpacks, config vars (a release of their own, as `config:set` makes)."""
    if wanted.stack:
        app.stack = build.stack = wanted.stack
    if wanted.buildpacks and not app.buildpacks:
        app.buildpacks = [seal(name) if buildpacks.shown(name) != name else name for name in wanted.buildpacks]
    if wanted.config_vars:
        release.configure(opened, app, dict(wanted.config_vars), build.account_id)


def after(opened: Session, app: App, wanted: Setup) -> None:
    """The formation of the first release; types that the app does not have are passed over."""
    rows = formations.of_app(opened, app.id)
    for kind, scale in wanted.formation.items():
        row = rows.get(kind)
        if row is None or kind == "release":
            continue
        if scale.quantity is not None:
            row.quantity = min(scale.quantity, settings().servers_per_backend // 2) if kind == "web" else scale.quantity
        if scale.size is not None and scale.size.lower() in settings().sizes:
            row.size = scale.size.lower()


def postdeploy(release_id: uuid.UUID, command: str, output: Output) -> None:
    """Run the script once in a one-off dyno of the release that serves; its failure undoes nothing."""
    output.step("Running the postdeploy script of app.json")
    limit = settings().release_timeout
    try:
        with session() as opened:
            made = opened.get_one(Release, release_id)
            asked = ask.ask(
                opened, opened.get_one(App, made.app_id), made, Order(command), account_id=made.account_id,
                type=POSTDEPLOY, attach=True, secret=False, time_to_live=int(limit) + _MARGIN,
            )  # fmt: skip
            oneoff_id = asked.oneoff.id
    except HokkuError as error:
        output.bang(f"The postdeploy script was not run: {error.message}")
        return
    ended = work.attend(oneoff_id, output.raw, timeout=limit)
    if ended.status == 0:
        output.detail("done.")
        return
    why = f"exited with status {ended.status}" if ended.status is not None else f"did not end by itself: {ended.why}"
    output.bang(f"The postdeploy script {why}. The release serves; `heroku run` runs the script again.")
