"""The client of the Platform API: addresses that it takes, and what is not its failure."""

from __future__ import annotations

import io

import pytest
from ansible_collections.hokku.platform.plugins.module_utils import _api
from ansible_collections.hokku.platform.plugins.module_utils._api import Api, ApiError, NoAnswer


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://api.example.com", "give the platform's address alone"),
        ("https://api.example.com/apps", "give the platform's address alone"),
        ("https://api.example.com:99999", "host or port cannot be read"),
        ("https://.example.com", "host or port cannot be read"),
        ("https://[::1", "host or port cannot be read"),
        ("https://ann:hunter2@api.example.com", "holds a user or a password"),
    ],
)
def test_an_address_that_is_none_is_refused_in_one_sentence(url: str, words: str) -> None:
    with pytest.raises(ApiError, match=words) as refused:
        Api(url, "token")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("timeout", [0, -1, 99999999999999999999])
def test_a_timeout_that_no_socket_has_is_refused(timeout: int) -> None:
    with pytest.raises(ApiError, match=f"timeout is {timeout}: give a number of seconds from 1 to 86400"):
        Api("https://api.example.com", "token", None, timeout)


class Connection:
    """One whose answer is this text, and that broke after it."""

    def __init__(self, text: bytes) -> None:
        self.status, self._text, self.closed = 200, io.BytesIO(text), False

    def request(self, *words: object, **more: object) -> None:
        pass

    def getresponse(self) -> Connection:
        return self

    def readline(self) -> bytes:
        if line := self._text.readline():
            return line
        raise ConnectionResetError

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def stream(monkeypatch):
    """A client whose streams are of this connection."""
    monkeypatch.setattr(Api, "_connect", lambda self, *about: connection)
    connection = Connection(b"one\ntwo\n")
    return connection, Api("https://api.example.com", "token").stream("https://api.example.com/a-stream")


def test_a_stream_that_breaks_off_is_no_answer(stream) -> None:
    connection, opened = stream
    with pytest.raises(NoAnswer, match="does not answer"), opened as answer:
        list(answer)
    assert connection.closed


def test_what_the_reader_of_a_stream_does_is_its_own_failure(stream) -> None:
    connection, opened = stream
    with pytest.raises(BrokenPipeError), opened:
        raise BrokenPipeError
    assert connection.closed


def test_an_app_that_is_not_there_is_named() -> None:
    message = b'{"id": "not_found", "message": "Couldn\'t find that app."}'
    with pytest.raises(ApiError, match="There is no app a/b that this account may use"):
        Api._judged("GET", _api.path("apps", "a/b", "dynos"), 404, message)
