"""Where litellm sends a kind of request, and what it wraps the messages in: learned from one request it made.

Only for requests whose messages it leaves as they are, to a provider that speaks OpenAI's chat completions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

CHAT_PATH = "/chat/completions"
CONNECTION_HEADERS = frozenset({"host", "connection", "content-length", "accept-encoding", "transfer-encoding"})
"""Headers that belong to one connection or one body."""


@dataclass(frozen=True, slots=True)
class Route:
    """A request without its messages; ``headers`` hold the key."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def learn_route(request: httpx.Request, messages: Sequence[Mapping[str, str]]) -> Route | None:
    """Return the route of a request that carried these messages; None where it did more than carry them."""
    try:
        body = json.loads(request.content)
    except ValueError:
        return None
    if not request.url.path.endswith(CHAT_PATH) or not isinstance(body, dict) or body.get("messages") != messages:
        return None
    headers = {name: value for name, value in request.headers.items() if name.lower() not in CONNECTION_HEADERS}
    return Route(str(request.url), headers, {name: value for name, value in body.items() if name != "messages"})
