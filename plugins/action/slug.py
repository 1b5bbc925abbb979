# Copyright: The Hokku developers
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module slug, which runs on the controller: its documentation is in plugins/modules/slug.py."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import deque
from contextlib import contextmanager

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.hokku.platform.plugins.module_utils import _builds, _source
from ansible_collections.hokku.platform.plugins.module_utils._api import Api, ApiError, path
from ansible_collections.hokku.platform.plugins.module_utils._platform import CONNECTION

display = Display()

_SPEC = {
    **CONNECTION,
    "app": {"type": "str", "required": True},
    "source": {"type": "path", "required": True},
    "ref": {"type": "str"},
    "version": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 1800},
}
_LAST = 20  # lines of a failed build that its sentence has
_CANCEL = 4  # seconds: Ansible ends a task five seconds after Ctrl-C


class _Stopped(BaseException):
    """A signal that ends the task."""


class ActionModule(ActionBase):
    """Packs, compares, builds and follows."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        self._result = {"changed": False, "actions": []}
        wanted = self.validate_argument_spec(self._with_environment())[1]
        try:
            self._work(wanted)
        except ApiError as error:
            self._result.update(failed=True, msg=str(error))
        return self._result

    def _with_environment(self):
        """The specification, with what the task's own environment says of the connection as defaults."""
        told = {}
        self._compute_environment_string(told)
        spec = {}
        for name, options in _SPEC.items():
            names = options["fallback"][1] if "fallback" in options else ()
            given = next((told[each] for each in names if told.get(each)), None)
            spec[name] = options
            if given is not None:
                spec[name] = {key: value for key, value in options.items() if key not in ("required", "fallback")}
                spec[name]["default"] = given
        return spec

    def _work(self, wanted):
        if wanted["wait_timeout"] < 1:
            raise ApiError(f"wait_timeout is {wanted['wait_timeout']}: give a number of seconds, 1 or more.")
        api = Api(wanted["api_url"], wanted["api_token"], wanted["ca_file"], wanted["timeout"])
        with tempfile.TemporaryFile(dir=C.DEFAULT_LOCAL_TMP) as file:
            source = self._loader.path_dwim(wanted["source"])
            packed = _source.pack(source, wanted["ref"], file)
            version = wanted["version"] or packed.commit
            self._result.update(checksum=packed.checksum, version=version, slug=None, build=None, output=[])
            there = self._there(api, wanted, packed)
            if there is not None and not wanted["force"]:
                self._result.update(slug=there["slug"]["id"], build=there["id"])
                return
            if not self._task.check_mode:
                self._build(api, wanted, packed, version, file)
            self._say(there, packed)

    def _there(self, api, wanted, packed):
        """The build that made a slug of the same before, or None."""
        where = path("apps", wanted["app"])
        stack = api.get(where)["build_stack"]["name"]
        installed = api.list(f"{where}/buildpack-installations", "ordinal ..")
        packs = [row["buildpack"] for row in installed]
        return _builds.made_already(api, wanted["app"], packed.checksum, stack, packs)

    def _say(self, there, packed):
        size = f"{packed.size / 1024:.1f} KB" if packed.size < 1024**2 else f"{packed.size / 1024**2:.1f} MB"
        files = f"{packed.files} file{'' if packed.files == 1 else 's'}"
        self._result["actions"].append(f"slug built from {files} ({size})")
        self._result["changed"] = True
        if self._task.diff:
            before = there["source_blob"]["checksum"] if there is not None else None
            self._result["diff"] = {"before": {"slug of": before}, "after": {"slug of": packed.checksum}}

    def _build(self, api, wanted, packed, version, file):
        app = wanted["app"]
        place = api.request("POST", path("sources"))[0]["source_blob"]
        api.upload(place["put_url"], file, packed.size)
        blob = {"url": place["get_url"], "checksum": packed.checksum, "version": version}
        body = {"source_blob": blob, "release": False}
        lines = deque(maxlen=_builds.LINES)
        with _signals_raised():
            build = api.request("POST", path("apps", app, "builds"), body)[0]
            self._result["build"] = build["id"]
            try:
                ended = _builds.follow(api, app, build, lambda line: self._tell(lines, line), wanted["wait_timeout"])
            except BaseException:
                _cancel(api, app, build["id"])
                raise
            finally:
                self._result["output"] = list(lines)
        if ended["status"] != "succeeded":
            last = "\n".join(list(lines)[-_LAST:]).strip()
            raise ApiError(f"Build {build['id']} of {app} failed. It said last:\n{last}")
        if ended["release"]:
            self._result["changed"] = True
            raise ApiError(
                f"The platform made a release of the build of {app}, which was not asked for: it is older than this "
                "collection. Upgrade it, or push with git."
            )
        self._result["slug"] = ended["slug"]["id"]

    def _tell(self, lines, line):
        lines.append(line)
        if not self._task.no_log:
            display.display(f"    {line}")


def _cancel(api, app, build):
    """Have the platform end a build that nobody waits for any more."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    api.close()
    try:
        api.request("DELETE", path("apps", app, "builds", build), timeout=_CANCEL)
        display.display(f"    The build {build} of {app} is cancelled.")
    except ApiError as error:
        display.warning(f"The build {build} of {app} may go on: {error}")


@contextmanager
def _signals_raised():
    """Have SIGINT and SIGTERM raise here, so that what is under way can be ended; then they do what they would have."""
    came = []

    def stop(number, frame):
        came.append(number)
        raise _Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            os.kill(os.getpid(), came[0])
