"""Options and fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scripted_model import ScriptedModel


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew; read the diff")


@pytest.fixture
def scripted_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedModel]:
    """A scripted OpenAI-compatible server, reached as ``openai/…``; an unscripted prompt fails the test."""
    with ScriptedModel() as model:
        monkeypatch.setenv("OPENAI_API_BASE", model.url)
        monkeypatch.setenv("OPENAI_API_KEY", "scripted")
        monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        yield model
    model.verify()
