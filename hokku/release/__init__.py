"""Slug + config → release: deploys, config changes, rollbacks."""

from hokku.release.announce import announce
from hokku.release.cut import can_roll_back_to, configure, create, deploy, first, rollback

__all__ = ["announce", "can_roll_back_to", "configure", "create", "deploy", "first", "rollback"]
