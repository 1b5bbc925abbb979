"""Slug + config → release: deploys, config changes, rollbacks."""

from hokku.release.cut import configure, create, deploy, first, restack, rollback
from hokku.release.log_lines import announce
from hokku.release.promote import promote

__all__ = ["announce", "configure", "create", "deploy", "first", "promote", "restack", "rollback"]
