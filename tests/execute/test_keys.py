"""Keys of texts that came before, and answers found by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from rvbbit_proxy.bundled_files import bundled_folder
from rvbbit_proxy.caller import utc_now
from rvbbit_proxy.cascade.load import load_cascades
from rvbbit_proxy.execute import keys as keys_module
from rvbbit_proxy.execute.keys import RememberedKeys, item_keys
from rvbbit_proxy.ledger.records import CacheRecord, Record
from rvbbit_proxy.llm.cache import ResultCache
from rvbbit_proxy.operators.operator import load_operators
from rvbbit_proxy.plan.plan import OperatorStage
from rvbbit_proxy.settings import RunOptions

MEANS = load_operators(load_cascades([bundled_folder("cascades")])).by_name["semantic_matches"]
OPTIONS = RunOptions()


class NoLedger:
    def record(self, *records: Record) -> None: ...

    def trim_cache(self, limit: int) -> int:
        return 0

    def load_cache(self, limit: int) -> list[tuple[str, object, float]]:
        return []


def stage(criterion: str = "x") -> OperatorStage:
    return OperatorStage(
        relation="r",
        operator=MEANS,
        input_sql="",
        estimate_sql="",
        bounded=False,
        arguments=("text",),
        constants=(("criterion", criterion),),
        key_columns=("rvbbit_a0",),
        position="WHERE",
    )


def expected(texts: list[str], criterion: str = "x") -> list[str]:
    return item_keys(MEANS, OPTIONS, [{"text": text, "criterion": criterion} for text in texts])


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return what tells how many keys are worked out, call by call."""
    counts: list[int] = []

    def counting(*args: object) -> list[str]:
        found = item_keys(*args)  # type: ignore[arg-type]
        counts.append(len(found))
        return found

    monkeypatch.setattr(keys_module, "item_keys", counting)
    return counts


def test_only_new_texts_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {texts: expected(list(texts)) for texts in ("ab", "ba", "cab", "")}
    counts, remembered = hashed(monkeypatch), RememberedKeys()
    for texts, keys in wanted.items():
        assert remembered.keys(stage(), pa.array(list(texts), pa.string()), OPTIONS) == keys
    assert counts == [2, 1]


def test_another_criterion_or_model_has_other_keys() -> None:
    remembered, texts = RememberedKeys(), pa.array(["a"])
    other = replace(OPTIONS, model="openai/another")
    found = [
        remembered.keys(each, texts, options)
        for each, options in ((stage(), OPTIONS), (stage("y"), OPTIONS), (stage(), other))
    ]
    assert found[:2] == [expected(["a"]), expected(["a"], "y")]
    assert found[2] not in found[:2]


def test_the_texts_used_least_lately_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, remembered = hashed(monkeypatch), RememberedKeys(limit_bytes=1000)
    for criterion in ("x", "y", "x", "z", "x", "y"):
        remembered.keys(stage(criterion), pa.array(["a" * 300]), OPTIONS)
    assert counts == [1, 1, 1, 1]  # x, y, z, and y again, which z had made room for


def test_more_than_may_be_kept_is_answered_all_the_same() -> None:
    remembered, texts = RememberedKeys(limit_bytes=10), ["a", "b"]
    assert remembered.keys(stage(), pa.array(texts), OPTIONS) == expected(texts)


def test_answers_are_given_when_all_are_kept_and_young_enough() -> None:
    remembered, cache = RememberedKeys(), ResultCache(NoLedger())
    texts = pa.chunked_array([["a"], ["b"]])
    first, second = (
        CacheRecord(
            cache_key=key,
            operator="means",
            genus_hash="v",
            model="m",
            value=value,
            created_at=utc_now() - timedelta(seconds=age),
        )
        for key, value, age in zip(expected(["a", "b"]), (True, None), (0, 60), strict=True)
    )
    cache.put_many([first])
    assert remembered.answers(stage(), texts, OPTIONS, cache) is None
    cache.put_many([second])
    assert remembered.answers(stage(), texts, OPTIONS, cache) == [True, None]
    assert cache.statistics().hits == 2
    assert remembered.answers(stage(), texts, replace(OPTIONS, cache_ttl_s=30), cache) is None
    assert remembered.answers(stage(), texts, replace(OPTIONS, cache_ttl_s=90), cache) == [True, None]
    for mode in ("off", "refresh"):
        assert remembered.answers(stage(), texts, replace(OPTIONS, cache=mode), cache) is None
