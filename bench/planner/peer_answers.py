"""The scripted model's answers to the peers' prompts, each in the form the peer asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cases import Case
from tasks import NAME, ORDER
from truth import Truth


def truth_of(task: str, text: str, truth: Truth) -> Any:
    """Return the right answer about one text: a boolean, a score, a summary, or the three fields of W7."""
    if task == "W4":
        return truth.summary(text)
    if task in ("W1", "W2", "W3", "W5"):
        return truth.matches(task, text)
    case = only(truth, text)
    if task == "W6":
        return round(case.wetness, 2)
    return {"label": case.topic, "customer_name": case.name, "order_number": case.order}


def only(truth: Truth, text: str) -> Case:
    """Return the one case in a text."""
    (case,) = truth.cases(text)
    return case


def openaivec(task: str, prompt: str, truth: Truth) -> str:
    """Answer ``{"user_messages": [{id, body}]}`` with ``{"assistant_messages": [{id, body}]}``."""
    asked = json.loads(prompt)["user_messages"]
    answers = [{"id": message["id"], "body": truth_of(task, message["body"], truth)} for message in asked]
    return json.dumps({"assistant_messages": answers}, separators=(",", ":"))


def thalamusdb(task: str, parts: Sequence[str], truth: Truth) -> str:
    """Answer 1 or 0 about one item, or ``L3-R5,L4-R2.`` about two lists of items."""
    if task != "W5":
        return str(int(truth.matches(task, parts[-1])))
    listed = {
        label.rstrip(":"): truth.goods(text)[0].concept
        for label, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    pairs = [
        f"{left}-{right}"
        for left, a in listed.items()
        for right, b in listed.items()
        if left[0] == "L" and right[0] == "R" and a == b
    ]
    return ",".join(pairs) + "."


def blendsql(task: str, prompt: str, truth: Truth) -> str:
    """Answer one value; in a join, the whole kind of the item whose key the prompt names last, or ``-``."""
    if task == "W5":
        wanted = truth.items(prompt)[-1]
        return next((kind.text for kind in truth.kinds(prompt) if kind.concept == wanted.concept), "-")
    if task == "W7":
        asked = "order_number" if ORDER in prompt else "customer_name" if NAME in prompt else "label"
        return str(truth_of(task, prompt, truth)[asked])
    return str(truth_of(task, prompt, truth))


def by_names(task: str, prompt: str, wanted: Sequence[str], truth: Truth) -> str:
    """Answer an object with the wanted names."""
    right = truth_of(task, prompt, truth)
    return json.dumps(right if isinstance(right, dict) else {wanted[0]: right})


def lotus(task: str, prompt: str, truth: Truth) -> str:
    """Answer ``Answer: True``, a summary, the fields as JSON, or which of two documents is the wetter."""
    if task == "W4":
        return truth.summary(prompt)
    if task == "W6":
        first, second = truth.cases(prompt)
        return f"Document {1 if (first.wetness, first.code) > (second.wetness, second.code) else 2}"
    right = truth_of(task, prompt, truth)
    return json.dumps(right) if task == "W7" else f"Answer: {right}"
