"""The one table of who may do what: every route of the API stands under one right. Tests compare the API with it.

A route that is new fails `tests/unit/test_api_contract.py` until it stands here, and then the matrix of
`tests/integration/test_api_rights.py` until it keeps to it.
"""

from __future__ import annotations

import enum


class Right(enum.Enum):
    """Who gets in. Whoever does not is told 401 without credentials, else 404 for things and 403 for actions."""

    OPEN = "anyone"
    SECRET = "whoever has the URL, a secret part of which needs no token"
    PLATFORM = "the git receiver, with the platform's own token"
    ACCOUNT = "any account, also with a token limited to one app"
    FULL = "any account, with a token that is not limited"
    MINE = "the account whose thing it is"
    ADMIN = "an admin"
    SEE_FULL = "as SEE, or so with a pipeline, with a token that is not limited"
    OWN_FULL = "as OWN, or so with a pipeline, with a token that is not limited"
    SEE = "owner, collaborators and admin of the app: look at it"
    PUSH = "owner, collaborators and admin of the app: bring code to it"
    OWN = "owner and admin of the app: change it"


_TABLE = {
    Right.OPEN: """
        GET /buildpacks
        GET /buildpacks/{namespace}/{name}
        GET /buildpacks/{namespace}/{name}/readme
        GET /buildpacks/{namespace}/{name}/revisions
        GET /health
        GET /openapi.json
        GET /schema
    """,
    Right.SECRET: """
        GET /builds/{build}/output/{signature}
        GET /releases/{release}/output/{signature}
        GET /slugs/{slug}/blob/{until}/{signature}
        GET /sources/{source}/{secret}
        PUT /slugs/{slug}/blob/{until}/{signature}
        PUT /sources/{source}/{secret}
    """,
    Right.PLATFORM: """
        GET /internal/git/keys
        POST /internal/git/sessions
    """,
    Right.ACCOUNT: """
        GET /account
        GET /account/rate-limits
        GET /addon-attachments
        GET /addon-services
        GET /addons
        GET /dyno-sizes
        GET /enterprise-accounts
        GET /oauth/clients
        GET /regions
        GET /regions/{region}
        GET /spaces
        GET /stacks
        GET /stacks/{stack}
        GET /teams
        GET /users/{user}
        POST /sources
    """,
    Right.FULL: """
        DELETE /oauth/sessions/{session}
        GET /account/app-transfers
        GET /account/features
        GET /account/features/{feature}
        GET /account/keys
        GET /apps
        GET /oauth/authorizations
        GET /oauth/sessions
        GET /pipeline-couplings
        GET /pipelines
        GET /users/{user}/apps
        GET /users/~/pipeline-couplings
        PATCH /account
        PATCH /account/features/{feature}
        POST /account/keys
        POST /apps
        POST /filters/apps
        POST /oauth/authorizations
        POST /pipelines
    """,
    Right.MINE: """
        DELETE /account/app-transfers/{transfer}
        DELETE /account/keys/{key}
        DELETE /oauth/authorizations/{authorization}
        GET /account/app-transfers/{transfer}
        GET /account/keys/{key}
        GET /oauth/authorizations/{authorization}
        PATCH /account/app-transfers/{transfer}
        PATCH /oauth/authorizations/{authorization}
        POST /oauth/authorizations/{authorization}/actions/regenerate-tokens
    """,
    Right.SEE_FULL: """
        GET /pipeline-couplings/{coupling}
        GET /pipeline-promotions/{promotion}
        GET /pipeline-promotions/{promotion}/promotion-targets
        GET /pipelines/{pipeline}
        GET /pipelines/{pipeline}/pipeline-couplings
        GET /pipelines/{pipeline}/review-apps
        GET /pipelines/{pipeline}/test-runs
    """,
    Right.OWN_FULL: """
        DELETE /pipeline-couplings/{coupling}
        DELETE /pipelines/{pipeline}
        PATCH /pipeline-couplings/{coupling}
        PATCH /pipelines/{pipeline}
        POST /account/app-transfers
        POST /pipeline-couplings
        POST /pipeline-promotions
        POST /pipeline-transfers
    """,
    Right.ADMIN: """
        DELETE /hosts/{host}
        GET /accounts
        GET /hosts
        GET /hosts/{host}
        GET /platform/checks
        PATCH /hosts/{host}
        POST /accounts
    """,
    Right.SEE: """
        DELETE /apps/{app}/collaborators/{user}
        GET /apps/{app}
        GET /apps/{app}/addon-attachments
        GET /apps/{app}/addons
        GET /apps/{app}/available-dyno-sizes
        GET /apps/{app}/available-stacks
        GET /apps/{app}/buildpack-installations
        GET /apps/{app}/builds
        GET /apps/{app}/builds/{build}
        GET /apps/{app}/builds/{build}/result
        GET /apps/{app}/builds/{build}/timings
        GET /apps/{app}/collaborators
        GET /apps/{app}/collaborators/{user}
        GET /apps/{app}/config-vars
        GET /apps/{app}/domains
        GET /apps/{app}/domains/{domain}
        GET /apps/{app}/dynos
        GET /apps/{app}/dynos/{dyno}
        GET /apps/{app}/dynos/{dyno}/decisions
        GET /apps/{app}/features
        GET /apps/{app}/features/{feature}
        GET /apps/{app}/formation
        GET /apps/{app}/formation/{kind}
        GET /apps/{app}/log-drains
        GET /apps/{app}/log-drains/{drain}
        GET /apps/{app}/pipeline-couplings
        GET /apps/{app}/placements
        GET /apps/{app}/releases
        GET /apps/{app}/releases/{release}
        GET /apps/{app}/releases/{release}/config-vars
        GET /apps/{app}/slugs/{slug}
        GET /apps/{app}/sni-endpoints
        GET /apps/{app}/sni-endpoints/{endpoint}
        GET /apps/{app}/telemetry-drains
        GET /apps/{app}/webhook-deliveries
        GET /apps/{app}/webhook-deliveries/{delivery}
        GET /apps/{app}/webhook-events
        GET /apps/{app}/webhook-events/{event}
        GET /apps/{app}/webhooks
        GET /apps/{app}/webhooks/{webhook}
        POST /apps/{app}/log-sessions
    """,
    Right.PUSH: """
        DELETE /apps/{app}/build-cache
        DELETE /apps/{app}/builds/{build}
        POST /apps/{app}/builds
        POST /apps/{app}/slugs
        POST /apps/{app}/sources
    """,
    Right.OWN: """
        DELETE /apps/{app}
        DELETE /apps/{app}/acm
        DELETE /apps/{app}/domains/{domain}
        DELETE /apps/{app}/dynos
        DELETE /apps/{app}/dynos/{dyno}
        DELETE /apps/{app}/formations/{kind}
        DELETE /apps/{app}/log-drains/{drain}
        DELETE /apps/{app}/sni-endpoints/{endpoint}
        DELETE /apps/{app}/webhooks/{webhook}
        PATCH /apps/{app}
        PATCH /apps/{app}/acm
        PATCH /apps/{app}/config-vars
        PATCH /apps/{app}/domains/{domain}
        PATCH /apps/{app}/features/{feature}
        PATCH /apps/{app}/formation
        PATCH /apps/{app}/formation/{kind}
        PATCH /apps/{app}/sni-endpoints/{endpoint}
        POST /apps/{app}/acm
        PATCH /apps/{app}/webhooks/{webhook}
        POST /apps/{app}/collaborators
        POST /apps/{app}/domains
        POST /apps/{app}/dynos
        POST /apps/{app}/dynos/{dyno}
        POST /apps/{app}/dynos/{dyno}/actions/stop
        POST /apps/{app}/formations/{kind}/actions/stop
        POST /apps/{app}/log-drains
        POST /apps/{app}/webhooks
        POST /apps/{app}/releases
        POST /apps/{app}/sni-endpoints
        PUT /apps/{app}/buildpack-installations
    """,
}
RIGHTS = {line.strip(): right for right, lines in _TABLE.items() for line in lines.split("\n") if line.strip()}
