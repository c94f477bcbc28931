"""Every dialogue against a real PostgreSQL, our server on DuckDB, and our server on that PostgreSQL.

``--update-golden`` records all three anew; a difference that is new then needs a reason in its file.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from wire_conversation import Conversation, Target
from wire_script import Dialogue, read_script

FOLDER = Path(__file__).parent / "dialogues"
TARGETS = ("postgres", "duckdb", "upstream")
SCRIPTS = sorted(FOLDER.glob("*.txt"))


def hold(dialogue: Dialogue, target: Target, *, recording: bool) -> list[list[str]]:
    """Hold a dialogue; return the answers."""
    conversation = Conversation(target)
    try:
        return [conversation.hold(exchange, recording=recording) for exchange in dialogue.exchanges]
    finally:
        conversation.close()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_dialogues(path: Path, targets: dict[str, Target], update_golden: bool) -> None:
    script = read_script(path)
    assert script.dialogues
    for dialogue in script.dialogues:
        for name in TARGETS:
            answers = hold(dialogue, targets[name], recording=update_golden)
            if update_golden:
                for exchange, answer in zip(dialogue.exchanges, answers, strict=True):
                    exchange.record(name, answer)
            expected = [exchange.expected(name) for exchange in dialogue.exchanges]
            assert answers == expected, f"{dialogue.title} ({name})"
    if update_golden:
        path.write_text(script.text(), encoding="utf-8")
    unexplained = {
        dialogue.title: dialogue.unexplained() for dialogue in script.dialogues if dialogue.unexplained()
    }
    assert not unexplained, "differences without a reason"


def test_there_are_enough() -> None:
    assert sum(len(read_script(path).dialogues) for path in SCRIPTS) >= 60


def test_a_file_is_written_as_it_is_read() -> None:
    for path in SCRIPTS:
        assert read_script(path).text() == path.read_text(encoding="utf-8")
