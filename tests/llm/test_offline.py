"""What the machine answers by itself, with lexical methods alone and with the local model where it is."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import rvbbit_proxy.demo
from rvbbit_proxy.llm.embeddings import Embedder, find_embedder
from rvbbit_proxy.llm.offline.registry import answer_offline, offline_methods
from rvbbit_proxy.llm.offline.sentiment import sentiment_score
from rvbbit_proxy.llm.request import OfflineTask

LOCAL = find_embedder(None)
needs_local_model = pytest.mark.skipif(LOCAL is None, reason="no local sentence-embedding model")
EMBEDDERS = [pytest.param(None, id="lexical"), pytest.param(LOCAL, id="embeddings", marks=needs_local_model)]
DEMO = Path(rvbbit_proxy.demo.__file__).parent

VISUAL = [
    "Saw a tall figure cross the road",
    "Clear sighting of a dark shape near the trailhead",
    "Two hikers watched it from the ridge",
]
NOT_VISUAL = [
    "Heard howls at night",
    "Footprints found near creek",
    "Never saw it, but heard screams",
    "Nothing seen, only a musky smell",
    "The quarterly invoice was paid late",
]


def ask(
    method: str, items: Sequence[Mapping[str, Any]], embedder: Embedder | None = None, **arguments: Any
) -> list[Any]:
    return answer_offline(OfflineTask(method, items, arguments), lambda: embedder)


def texts(*values: str) -> list[dict[str, str]]:
    return [{"text": value} for value in values]


def test_all_methods_are_there() -> None:
    wanted = "match relevance similarity sentiment classify extract condense summarize themes cluster_labels"
    assert set(wanted.split()) <= set(offline_methods())


@pytest.mark.parametrize("embedder", EMBEDDERS)
def test_match_says_what_is_seen_and_what_is_not(embedder: Embedder | None) -> None:
    found = ask("match", texts(*VISUAL, *NOT_VISUAL), embedder, criterion="visual contact")
    assert found == [True] * len(VISUAL) + [False] * len(NOT_VISUAL)


def sightings() -> dict[str, str]:
    """Titles of the demo's table, and the kind of report each is."""
    with (DEMO / "truth.csv").open(encoding="utf-8") as file:
        kinds = {row["id"]: row["kind"] for row in csv.DictReader(file)}
    with (DEMO / "sightings.csv").open(encoding="utf-8") as file:
        return {row["title"]: kinds[row["id"]] for row in csv.DictReader(file) if row["title"]}


@pytest.mark.parametrize(
    ("embedder", "criterion", "kind", "precision", "recall"),
    [
        pytest.param(None, "visual contact", "visual", 0.95, 0.6, id="lexical-visual"),
        pytest.param(LOCAL, "visual contact", "visual", 0.95, 0.9, id="model-visual", marks=needs_local_model),
        pytest.param(None, "footprints", "tracks", 0.95, 0.95, id="lexical-tracks"),
        pytest.param(LOCAL, "footprints", "tracks", 0.85, 0.95, id="model-tracks", marks=needs_local_model),
    ],
)
def test_match_on_the_demo(
    embedder: Embedder | None, criterion: str, kind: str, precision: float, recall: float
) -> None:
    reports = sightings()
    found = ask("match", texts(*reports), embedder, criterion=criterion)
    hits = sum(match and truth == kind for match, truth in zip(found, reports.values(), strict=True))
    assert hits / sum(found) >= precision
    assert hits / sum(truth == kind for truth in reports.values()) >= recall


@pytest.mark.parametrize("embedder", EMBEDDERS)
def test_an_answer_does_not_depend_on_the_batch(embedder: Embedder | None) -> None:
    items = texts(*VISUAL, *NOT_VISUAL)
    for method in ("match", "relevance", "sentiment", "condense"):
        together = ask(method, items, embedder, criterion="footprints in mud")
        alone = [ask(method, [item], embedder, criterion="footprints in mud")[0] for item in items]
        assert together == alone


@pytest.mark.parametrize("embedder", EMBEDDERS)
def test_relevance_ranks(embedder: Embedder | None) -> None:
    prints, tracks, invoice = ask(
        "relevance",
        texts("Footprints found near creek", "Large tracks in the snow", "The quarterly invoice was paid late"),
        embedder,
        criterion="footprints",
    )
    assert 1 >= prints > tracks > 0.6
    assert 0.2 > invoice >= 0


@pytest.mark.parametrize("embedder", EMBEDDERS)
def test_similarity(embedder: Embedder | None) -> None:
    same, near, far = ask(
        "similarity",
        [
            {"a": "large footprints in the mud", "b": "large footprints in the mud"},
            {"a": "large footprints in the mud", "b": "big footprint in mud"},
            {"a": "large footprints in the mud", "b": "quarterly invoice"},
        ],
        embedder,
    )
    assert same == pytest.approx(1, abs=1e-3)
    assert same > near > 0.5 > 0.3 > far >= 0


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Wonderful! I love it, the best day ever.", 1),
        ("Terrible and awful, I hated every minute.", -1),
        ("It was not good at all.", -1),
        ("No problem, never disappointed.", 1),
        ("The clear-cut lies behind the quarry; please call me.", 0),
        ("", 0),
    ],
)
def test_sentiment_has_the_sign(text: str, sign: int) -> None:
    score = sentiment_score(text)
    assert -1 <= score <= 1
    assert (score > 0.1) - (score < -0.1) == sign


@pytest.mark.parametrize("embedder", EMBEDDERS)
def test_classify(embedder: Embedder | None) -> None:
    items = [
        {"text": "The invoice is wrong, I was charged twice.", "labels": "invoice, weather"},
        {"text": "Heavy rain and cold all week.", "labels": ["invoice", "weather"]},
        {"text": "I love this!", "labels": "negative, positive"},
        {"text": "xyzzy", "labels": ""},
    ]
    assert ask("classify", items, embedder) == ["invoice", "weather", "positive", None]


def test_classify_keeps_other_for_what_fits_nothing() -> None:
    assert ask("classify", texts("Qwghlm zzz"), labels="delivery, payment, other") == ["other"]


@pytest.mark.parametrize(
    ("text", "what", "expected"),
    [
        ("Write to ann@example.org or call.", "email", "ann@example.org"),
        ("Call +1 (555) 010-2345 today", "the phone number", "+1 (555) 010-2345"),
        ("See https://example.org/a?b=1.", "url", "https://example.org/a?b=1"),
        ("It costs $1,250.50 plus tax", "price", "$1,250.50"),
        ("Due on 3 March 2024, not later", "date", "3 March 2024"),
        ("Due 2024-03-05", "date", "2024-03-05"),
        ("Tracks of eighteen inches, three of them", "size", "eighteen inches"),
        ("Around three in the morning we woke", "time of day", "three in the morning"),
        ("We met Dr. Jane Doe near Mount Hood", "person", "Dr. Jane Doe"),
        ("We met Dr. Jane Doe near Mount Hood", "place", "Mount Hood"),
        ("Delivery was late, but the staff were kind", "complaint about delivery", "Delivery was late"),
        ("Nothing to see here.", "email", None),
        ("Nothing to see here.", "invoice", None),
        ("", "date", None),
    ],
)
def test_extract(text: str, what: str, expected: str | None) -> None:
    assert ask("extract", texts(text), what=what) == [expected]


def test_condense_takes_a_sentence_out() -> None:
    text = (
        "The bridge was closed on Friday. Engineers found cracks in the bridge. They will repair the bridge "
        "before winter. Traffic goes around."
    )
    (short,) = ask("condense", texts(text))
    assert short in text and "bridge" in short
    assert ask("condense", texts("It rained.", "", "  ")) == ["It rained.", "", ""]
    (long,) = ask("condense", texts("word " * 100))
    assert len(long.split()) <= 21


def test_summarize_says_what_many_say_once() -> None:
    reports = [
        "Large footprints by the river.",
        "Large footprints by the river.",
        "Footprints by the camp.",
        "Rain",
    ]
    (summary,) = ask("summarize", [{"texts": reports, "instruction": None}])
    assert summary.count("Large footprints by the river.") == 1
    assert len(summary.split(".")) <= 4
    (wish,) = ask("summarize", [{"texts": reports, "instruction": "weather", "sentences": 1}])
    assert wish == "Rain."
    assert ask("summarize", [{"texts": []}, {"texts": [None, ""]}]) == ["", ""]


@pytest.mark.parametrize("embedder", EMBEDDERS)
def test_themes_are_phrases_of_the_texts_most_frequent_first(embedder: Embedder | None) -> None:
    reports = [
        *["Footprints by the river.", "Large footprints near the camp.", "Footprints in the snow."],
        *["Strange howling at night.", "Howling heard near the lake."],
    ]
    (two,) = ask("themes", [{"texts": reports, "n": 2}], embedder)
    assert len(two) == 2
    assert "footprints" in two[0] and "howling" in two[1]
    assert all(any(theme in report.lower() for report in reports) for theme in two)
    (one,) = ask("themes", [{"texts": ["late delivery", "delivery late again"], "n": 1}], embedder)
    assert len(one) == 1 and "delivery" in one[0]


@pytest.mark.parametrize("embedder", EMBEDDERS)
def test_cluster_labels_are_one_per_text(embedder: Embedder | None) -> None:
    reports = ["late delivery", "the invoice is wrong", "late delivery", "wrong invoice sent", "..."]
    (labels,) = ask("cluster_labels", [{"texts": reports, "n": 2}], embedder)
    assert labels[0] == labels[2] and labels[1] == labels[3] and labels[0] != labels[1]
    assert labels[4] is None


def test_no_texts_no_themes() -> None:
    assert ask("themes", [{"texts": []}, {"texts": ["", "..."], "n": 3}]) == [[], []]
