"""What this platform does not have, answered so that the CLI goes on: lists are empty, the rest is refused.

The lists are routes. The refusals are what `hokku.api.errors` says where there is no route, to everyone alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fastapi import APIRouter

from hokku.api import answers
from hokku.api.access import AnyViewer, SeenPipeline, UsableApp
from hokku.api.ranges import ANY, Ranged

router = APIRouter()


@dataclass(frozen=True)
class Absence:
    """A kind of thing that is not there: Heroku's name of it, why, and the paths (a pattern) that lead to it."""

    resource: str
    reason: str
    paths: str

    def refusal(self, method: str) -> tuple[int, str, str]:
        """(status, error id, sentence): making one is invalid, and none is found."""
        if method == "POST":
            return 422, "invalid_params", self.reason
        what = self.resource.replace("_", " ").replace("add on", "add-on").replace("oauth", "OAuth")
        return 404, "not_found", f"Couldn't find that {what}. {self.reason}"


_ADD_ONS = (
    "No add-on provider is there on this platform yet. Run the service elsewhere and put its address into a config var "
    "with heroku config:set."
)
_REVIEW_APPS = "Review apps are not there on this platform. Create an app for a branch and push the branch to it."
_TESTS = "This platform does not run tests. Run them in a CI of your own, and push from there."
ABSENT = (
    Absence("add_on attachment", _ADD_ONS, r"(/apps/[^/]+)?/addon-attachments(/.*)?"),
    Absence("add_on_service", _ADD_ONS, r"/addon-services/.*"),
    Absence("add_on", _ADD_ONS, r"(/apps/[^/]+)?/addons(/.*)?|/apps/[^/]+/usage|/(client|data|postgres|redis)/.*"),
    Absence(
        "team",
        "Teams and their spaces are not there on this platform. Share an app with heroku access:add.",
        r"/teams(/.*)?",
    ),
    Absence("space", "Private spaces are not there on this platform. Create the app without one.", r"/spaces(/.*)?"),
    Absence("enterprise_account", "Enterprise accounts are not there on this platform.", r"/enterprise-accounts(/.*)?"),
    Absence(
        "oauth_client",
        "OAuth clients are not there on this platform. Use authorizations:create for a token.",
        r"/oauth/clients(/.*)?",
    ),
    Absence(
        "telemetry_drain",
        "Telemetry drains are not there on this platform. Forward the logs with heroku drains:add.",
        r"/telemetry-drains(/.*)?",
    ),
    Absence("review_app", _REVIEW_APPS, r"/review-apps(/.*)?|/apps/[^/]+/review-app|/pipelines/[^/]+/review-app.*"),
    Absence("test_run", _TESTS, r"/test-runs(/.*)?|/pipelines/[^/]+/(test-runs|stage)(/.*)?"),
    Absence(
        "app_setup",
        "App setups are not there on this platform. Create the app, set its config vars, and push.",
        r"/app-setups(/.*)?",
    ),
    Absence("login", "This platform has no login page in a browser. Use heroku login -i.", r"/auth"),
    Absence("account_quota", "This platform does not count dyno hours.", r"/accounts/[^/]+/actions/get-quota"),
    Absence("preauthorization", "This platform has no second factor.", r"/apps/[^/]+/pre-authorizations"),
)
_RESOLVE = {"/actions/addons/resolve": "add_on", "/actions/addon-attachments/resolve": "add_on attachment"}


def refusal(method: str, path: str) -> tuple[int, str, str, str] | None:
    """(status, error id, sentence, resource) for a request that no route serves; None for what Heroku has neither."""
    if resource := _RESOLVE.get(path):
        method = "GET"  # asks, though it is a POST
    for absence in ABSENT:
        if absence.resource == resource or (resource is None and re.fullmatch(absence.paths, path)):
            return *absence.refusal(method), absence.resource
    return None


def _of_app(app: UsableApp, ranged: Ranged) -> answers.NoneYet:
    """None."""
    return ranged([], *ANY)


def _of_pipeline(pipeline: SeenPipeline, ranged: Ranged) -> answers.NoneYet:
    """None."""
    return ranged([], *ANY)


def _of_account(viewer: AnyViewer, ranged: Ranged) -> answers.NoneYet:
    """None."""
    return ranged([], *ANY)


for path in ("addons", "addon-attachments"):
    router.add_api_route(f"/apps/{{app}}/{path}", _of_app, methods=["GET"], name=f"no {path}")
for path in ("addons", "addon-attachments", "teams", "spaces", "oauth/clients"):
    router.add_api_route(f"/{path}", _of_account, methods=["GET"], name=f"no {path}")
for path in ("addon-services", "enterprise-accounts"):
    router.add_api_route(f"/{path}", _of_account, methods=["GET"], name=f"no {path}")
router.add_api_route("/apps/{app}/telemetry-drains", _of_app, methods=["GET"], name="no telemetry drains")
for path in ("review-apps", "test-runs"):
    router.add_api_route(f"/pipelines/{{pipeline}}/{path}", _of_pipeline, methods=["GET"], name=f"no {path}")
