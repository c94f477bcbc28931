"""How good MEANS is without a model, on the sample's titles; the README's table is checked against this."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rvbbit_proxy.demo.sample import SIGHTINGS, load_truth
from rvbbit_proxy.llm.embeddings import Embedder, find_embedder
from rvbbit_proxy.llm.offline.registry import answer_offline
from rvbbit_proxy.llm.request import OfflineTask

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CRITERIA = {
    "visual contact": "visual",
    "footprints": "tracks",
    "strange sounds": "vocalization",
    "bad smell": "smell",
}


def without_model() -> Embedder | None:
    return None


def with_model() -> Embedder:
    embedder = find_embedder(None)
    if embedder is None:
        pytest.skip("the local model is not installed")
    return embedder


def titles() -> Sequence[tuple[int, str]]:
    rows = csv.DictReader(SIGHTINGS.read_text(encoding="utf-8").splitlines())
    return [(int(row["id"]), row["title"]) for row in rows if row["title"]]


def precision_and_recall(criterion: str, find: Callable[[], Embedder | None]) -> tuple[float, float]:
    truth = load_truth()
    items = [{"text": title, "criterion": criterion} for _, title in titles()]
    answers = answer_offline(OfflineTask("match", items), find)
    right = [truth[row] == CRITERIA[criterion] for row, _ in titles()]
    hits = sum(answer and is_right for answer, is_right in zip(answers, right, strict=True))
    return hits / max(1, sum(answers)), hits / sum(right)


def told(criterion: str) -> list[float]:
    """Return the README's figures: precision and recall with the local model, then without."""
    row = next(line for line in README.splitlines() if line.startswith(f"| {criterion} |"))
    return [float(figure) for cell in row.strip("| ").split(" | ")[1:] for figure in cell.split(" / ")]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_the_readme_tells_the_measured_figures(criterion: str) -> None:
    measured = [*precision_and_recall(criterion, with_model), *precision_and_recall(criterion, without_model)]
    assert told(criterion) == pytest.approx(measured, abs=0.02)


def test_visual_contact_is_good_enough_to_show() -> None:
    precision, recall = precision_and_recall("visual contact", with_model)
    assert precision > 0.75 and recall > 0.75
