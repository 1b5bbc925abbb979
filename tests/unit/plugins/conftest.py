"""Runs a module of the collection in this process, over a fake of the API."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.hokku.platform.plugins.module_utils import _platform

# ansible-test runs these tests under the collection's name, and does not have this folder on its path as pytest has.
sys.path.insert(0, str(Path(__file__).parent))
from fake_api import FakeApi

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # ansible-core 2.18 has none

    @contextmanager
    def patch_module_args(arguments: dict[str, Any]) -> Iterator[None]:
        """What a module takes as its arguments while this is open."""
        given = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(basic, "_ANSIBLE_ARGS", given)
            yield


@pytest.fixture
def module_args() -> Any:
    """`with module_args({…}):` gives a module its arguments, under any ansible-core."""
    return patch_module_args


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
def run_here(capsys: pytest.CaptureFixture[str]) -> Run:
    """`run_here("units", names=["a.service"], check=False)`: the answer of a module that asks no API."""

    def run(name: str, /, *, check: bool = False, diff: bool = True, **params: Any) -> Result:
        module = importlib.import_module(f"ansible_collections.hokku.platform.plugins.modules.{name}")
        arguments = {"_ansible_check_mode": check, "_ansible_diff": diff, **params}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            module.main()
        printed = capsys.readouterr().out
        return Result(json.loads(printed), printed)

    return run


@pytest.fixture
def run_module(monkeypatch: pytest.MonkeyPatch, run_here: Run) -> Run:
    """`run_module("maintenance", api, app="a", enabled=True, check=False)`: its answer, never with the token."""

    def run(name: str, api: FakeApi, /, **params: Any) -> Result:
        monkeypatch.setattr(_platform, "Api", lambda *_, **__: api)
        result = run_here(name, **{"api_url": "https://api.example.com", "api_token": SECRET, **params})
        assert SECRET not in result.printed
        return result

    return run
