"""Certificates of apps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from hokku.api.answers.words import AppRef, Id, Moment, Stamped

SslCert = TypedDict(
    "SslCert",
    {
        "acm": Annotated[bool, Field(description="whether it is managed automatically")],
        "ca_signed?": Annotated[bool, Field(description="whether an authority signed it that this platform trusts")],
        "cert_domains": Annotated[list[str], Field(description="host names it is good for")],
        "expires_at": Moment,
        "id": Id,
        "issuer": str,
        "self_signed?": bool,
        "starts_at": Moment,
        "subject": str,
    },
)


class SniEndpoint(Stamped):
    """A certificate and the domains that are served with it. Private keys are never told."""

    app: AppRef
    certificate_chain: Annotated[str, Field(description="PEM, the certificate itself first")]
    display_name: str | None
    domains: Annotated[list[Id], Field(description="which domains are served with it")]
    name: Annotated[str, Field(json_schema_extra={"pattern": "^[a-z][a-z0-9-]{2,29}$"})]
    ssl_cert: SslCert
