"""What the API answers, declared once: routes name these shapes as their return type, and from them come the check of
every answer, `/openapi.json` and `/schema`.

A shape says all fields of an answer and allows no others. Shapes are typed dicts, so an endpoint returns plain JSON.
"""

from hokku.api.answers.account import Account, Authorization, Key, RateLimit
from hokku.api.answers.app import (
    App,
    AppTransfer,
    BuildpackInstallation,
    BuildpackRef,
    Collaborator,
    ConfigVars,
    Domain,
    Feature,
)
from hokku.api.answers.certificate import SniEndpoint
from hokku.api.answers.code import Build, BuildResult, BuildTimings, Release, Slug, Source, Upload
from hokku.api.answers.error import Error
from hokku.api.answers.operator import Decision, Host, PlatformCheck
from hokku.api.answers.pipeline import (
    Pipeline,
    PipelineCoupling,
    PipelineOwner,
    PipelinePromotion,
    PipelinePromotionTarget,
    PipelineTransfer,
)
from hokku.api.answers.platform import Buildpack, BuildpackReadme, BuildpackRevision, DynoSize, Health, Region, Stack
from hokku.api.answers.process import Dyno, Formation, LogDrain, LogSession, Placement
from hokku.api.answers.webhook import Webhook, WebhookDelivery, WebhookEvent
from hokku.api.answers.words import NoneYet, Nothing
