"""Config vars at rest: immutable sets, encrypted with a key that the database does not hold.

`config_key_file` has one Fernet key a line. The first encrypts; all decrypt, so a key is rotated by putting a new one
on top.
"""

from __future__ import annotations

import json
import uuid
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from sqlalchemy import select
from sqlalchemy.orm import Session

from hokku.settings import settings
from hokku.store.tables import Config


@cache
def cipher() -> MultiFernet:
    """What encrypts with the first key of `config_key_file`, and decrypts with all of them."""
    keys = settings().config_key_file.read_text().split()
    return MultiFernet([Fernet(key) for key in keys])


def seal(values: Any) -> bytes:
    """`values` (anything JSON can hold), encrypted with the key that the database does not hold."""
    return cipher().encrypt(json.dumps(values, sort_keys=True).encode())


def unseal(ciphertext: bytes) -> Any:
    """What was sealed; raises `cryptography.fernet.InvalidToken` when no key fits."""
    return json.loads(cipher().decrypt(bytes(ciphertext)))


def create(opened: Session, app_id: uuid.UUID, config_vars: dict[str, str]) -> Config:
    """A new immutable set of config vars of the app."""
    config = Config(app_id=app_id, ciphertext=seal(config_vars))
    opened.add(config)
    opened.flush()
    return config


def is_kept(opened: Session, config_id: uuid.UUID) -> bool:
    """Whether the set of config vars is there."""
    return opened.scalar(select(Config.id).where(Config.id == config_id)) is not None


def read(config: Config) -> dict[str, str]:
    """The config vars of `config`; raises `cryptography.fernet.InvalidToken` when no key fits."""
    return unseal(config.ciphertext)


def read_id(opened: Session, config_id: uuid.UUID) -> dict[str, str]:
    """The config vars of the set with this id."""
    return read(opened.get_one(Config, config_id))
