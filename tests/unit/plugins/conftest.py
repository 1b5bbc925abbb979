"""Runs a module of the collection in this process, over a fake of the API."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.hokku.platform.plugins.module_utils import _platform
from fake_api import FakeApi

SECRET = "hokku-unit-token-0123456789"


@dataclass(frozen=True)
class Result:
    """What a module ended with: its JSON, and all that it printed."""

    json: dict[str, Any]
    printed: str

    def __getitem__(self, name: str) -> Any:
        return self.json[name]


Run = Callable[..., Result]


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run_module("maintenance", api, app="a", enabled=True, check=False)`: its answer, never with the token."""

    def run(name: str, api: FakeApi, *, check: bool = False, diff: bool = True, **params: Any) -> Result:
        module = importlib.import_module(f"ansible_collections.hokku.platform.plugins.modules.{name}")
        monkeypatch.setattr(_platform, "Api", lambda *_, **__: api)
        arguments = {
            "api_url": "https://api.example.com",
            "api_token": SECRET,
            "_ansible_check_mode": check,
            "_ansible_diff": diff,
            **params,
        }
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        printed = capsys.readouterr().out
        assert SECRET not in printed
        return Result(json.loads(printed), printed)

    return run
