"""One build from its claim to its end. Whatever happens, its container goes and the build gets a verdict."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import uuid
from collections.abc import Callable

from hokku.build import compile, launch, phase, setup
from hokku.build.container import Container, NoHost, hosts, least_busy
from hokku.build.output import Output
from hokku.manifold.lxd import LxdError
from hokku.settings import settings
from hokku.steady import attempt
from hokku.store import builds, configs, releases, slugs, sources
from hokku.store.engine import session
from hokku.store.patience import insist
from hokku.store.sealed import unseal
from hokku.store.tables import App, Build, BuildStatus

log = logging.getLogger(__name__)
_BUILDPACK_URL = "BUILDPACK_URL"  # a config var that goes over the app's buildpacks (Heroku still honours it)

CACHE = 60.0  # seconds: 500 MB are packed and fetched in half of that; what takes longer is not kept

_DECLARED = "Release command declared: this new release will not be available until the command succeeds."


class Job:
    """A build that this worker has claimed. `released` is called once, when only waiting for the release is left."""

    def __init__(self, build: Build, worker: str, released: Callable[[], None] = lambda: None) -> None:
        self.build_id, self._app_id, self._worker = build.id, build.app_id, worker
        self._released: Callable[[], None] | None = released
        self._container: Container | None = None
        self._stopped: str | None = None
        self._cancelled: str | None = None
        self._serves = False

    def stop(self, why: str) -> None:
        """End the build under way: its container goes, and `run` returns soon. A release that is made stays."""
        self._stopped = why
        if self._container is not None:
            self._container.remove()

    def cancel(self, sentence: str) -> None:
        """End the build because somebody wants that; `sentence` says who. It does nothing the second time."""
        if self._cancelled is None:
            self._cancelled = sentence
            self.stop(sentence)

    def _exceeded(self, sentence: str) -> None:
        """End the build because it takes too much; what ended it before stays the reason."""
        if self._stopped is None:
            self.stop(sentence)

    def _flooded(self) -> None:
        most = settings().build_output_max // 1024**2
        sentence = f"The build printed more than {most} MB: have it print less, and push again."
        threading.Thread(target=self._exceeded, args=(sentence,), name="flooded", daemon=True).start()

    def released(self) -> None:
        """The build takes no place among others any more."""
        released, self._released = self._released, None
        if released is not None:
            released()

    def run(self) -> None:
        """Do the build. Does not raise."""
        error = self._guarded(self._run)
        if self._stopped == RESTART and error is not None:
            return  # it goes back into the queue
        finish(self.build_id, self._worker, error)

    def resume(self, release_id: uuid.UUID) -> None:
        """Go on where another worker died: the release is made, and waits to serve. Does not raise."""
        told = insist(self._told)
        finish(self.build_id, self._worker, self._guarded(lambda output: self._await(release_id, output, told)))

    def _guarded(self, work: Callable[[Output], str | None]) -> str | None:
        with Output(self.build_id, settings().build_output_max, self._flooded) as output:
            try:
                return work(output)
            except Exception:
                log.exception("build %s broke", self.build_id)
                return _refuse(output, "Something in the platform broke, and its operator can read what: push again.")

    def _run(self, output: Output) -> str | None:
        """Why the build failed, or None. The user has read it."""
        began = time.monotonic()
        limit = settings().build_timeout
        clock = threading.Timer(limit, self.stop, [f"The build took longer than {limit / 60:.0f} minutes: push again."])
        clock.daemon = True
        clock.start()
        order: compile.Order | None = None
        try:
            order = insist(self._order)
            self._container = Container(least_busy(hosts(settings())), self.build_id, settings(), self._exceeded)
            if self._stopped is not None:
                raise LxdError("stopped before it began")
            log.info("build %s of %s on %s", self.build_id, order.app_name, self._container.host.name)
            compiled = compile.compile_slug(order, self._container, output, settings())
            clock.cancel()
            order = dataclasses.replace(order, stack=compiled.setup.stack or order.stack)  # whose cache is kept
            if not order.to_release:
                if compiled.built:
                    self._keep_cache(order, output)  # before the slug is made: until then the build can be cancelled
                slug_id = launch.put_by(self.build_id, self._worker, compiled)
                output.step(f"Slug {slug_id} is ready; release it with POST /apps/{order.app_name}/releases.")
                return None
            output.step("Launching...")
            cut = launch.cut(self.build_id, self._worker, compiled)
            if cut.has_phase:
                output.bang(_DECLARED)
            output.detail(f"Released v{cut.version}")
            output.detail(f"{settings().apps_url.format(app=order.app_name)} deployed to Hokku\n")
            keeping = threading.Thread(target=self._keep_cache, args=(order, output), name="cache", daemon=True)
            if compiled.built:  # or there is no container
                keeping.start()
            kept_by = time.monotonic() + CACHE
            self.released()
            error = self._await(cut.release_id, output)
            if self._serves and compiled.setup.postdeploy:
                setup.postdeploy(cut.release_id, compiled.setup.postdeploy, output)
            if compiled.built:
                keeping.join(max(0.0, kept_by - time.monotonic()))  # for who pushes again at once
            spent = time.monotonic() - began
            log.info("build %s of %s: %s in %.1f s", self.build_id, order.app_name, error or "done", spent)
            return error
        except compile.Rejected as rejected:
            return str(rejected)
        except launch.Cancelled as cancelled:
            return _tell_cancelled(output, str(cancelled))
        except launch.Gone as gone:
            return str(gone)
        except slugs.Lost:
            return _refuse(output, "The slug waited too long for its release and was removed: push again.")
        except NoHost:
            return _refuse(output, "No dyno host is online to build on: push again when one is.")
        except LxdError as error:
            log.warning("build %s: %s", self.build_id, error)
            if self._cancelled is not None:
                return _tell_cancelled(output, self._cancelled)
            if self._stopped == RESTART:
                output.say("\n !     The builder restarts; the build begins again.\n\n")
                return RESTART
            return _refuse(output, self._stopped or "The build container was lost: push again.")
        finally:
            clock.cancel()
            if self._container is not None:
                self._container.remove()

    def _order(self) -> compile.Order:
        with session() as opened:
            build = opened.get_one(Build, self.build_id)
            app = opened.get_one(App, build.app_id)
            newest = releases.newest(opened, app.id)
            config_vars = configs.read_id(opened, newest.config_id) if newest is not None else {}
            named = [unseal(name) for name in build.buildpacks]
            if config_vars.get(_BUILDPACK_URL):
                named = [config_vars[_BUILDPACK_URL]]
            return compile.Order(
                build_id=build.id,
                app_id=app.id,
                app_name=app.name,
                stack=build.stack,
                commit=build.commit,
                checksum=build.checksum,
                buildpacks=tuple(named),
                source=sources.path(build.source_id) if build.source_id else sources.path(build.id),
                content=build.content,
                config_vars=config_vars,
                first=build.to_release and not releases.has_slug_release(opened, app.id),
                to_release=build.to_release,
            )

    def _keep_cache(self, order: compile.Order, output: Output) -> None:
        """Keep the cache, while the release is rolled out, and remove the container; no longer than CACHE seconds."""
        clock = threading.Timer(CACHE, self._container.remove)
        clock.daemon = True
        clock.start()
        attempt(f"keeping the cache of {order.app_name}", lambda: compile.keep_cache(order, self._container, output))
        clock.cancel()
        self._container.remove()

    def _told(self) -> str:
        with session() as opened:
            return builds.output_after(opened, self.build_id)[1]

    def _await(self, release_id: uuid.UUID, output: Output, told: str = "") -> str | None:
        """Why the release does not serve, or None. Its phase comes first."""
        return phase.follow(release_id, output, told) or self._verify(release_id, output)

    def _verify(self, release_id: uuid.UUID, output: Output) -> str | None:
        output.say("Verifying deploy... ")
        verdict = launch.wait(self._app_id, release_id, settings())
        insist(lambda: self._keep_timings(verdict.seconds))
        if verdict.outcome is launch.Outcome.SERVES:
            output.say("done.\n")
            self._serves = True
        elif verdict.outcome is launch.Outcome.FAILED:
            output.say("failed.\n")
            output.bang(f"The release does not serve: {verdict.reason}. What served before still does.")
            output.bang("Push rejected, the new release did not boot.")
            return verdict.reason
        elif verdict.outcome is launch.Outcome.UNHEALTHY:
            output.say("done.\n")
            output.bang(f"The release does not serve: {verdict.reason}. `heroku logs` has its last lines.")
        else:
            output.say("not yet.\n")
            output.bang("The release is made and not served yet: `heroku ps` tells how far it is.")
        return None

    def _keep_timings(self, seconds: dict[str, float]) -> None:
        with session() as opened:
            build = builds.mine(opened, self.build_id, self._worker)
            if build is not None:
                builds.keep_timings(opened, build, seconds)


RESTART = "the builder restarts"


def finish(build_id: uuid.UUID, worker: str, error: str | None) -> None:
    """Give the build its verdict if it is still this worker's, and throw its source away."""
    source_id = insist(lambda: _finish(build_id, worker, error))
    if source_id is not None:
        sources.path(source_id).unlink(missing_ok=True)


def _finish(build_id: uuid.UUID, worker: str, error: str | None) -> uuid.UUID | None:
    with session() as opened:
        build = builds.mine(opened, build_id, worker)
        if build is None:
            return None
        builds.finish(opened, build, BuildStatus.FAILED if error else BuildStatus.SUCCEEDED, error)
        source_id = build.source_id
        if source_id is None or builds.is_needed(opened, source_id):  # of two builds of it the last one throws it away
            return None
        builds.forget_sources(opened, [source_id])
        return source_id


def _tell_cancelled(output: Output, sentence: str) -> str:
    output.say("\n")
    output.bang(sentence)
    return sentence


def _refuse(output: Output, sentence: str) -> str:
    output.say("\n")
    output.bang(sentence)
    output.bang("Push rejected, the platform could not build it.")
    return sentence
