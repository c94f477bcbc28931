"""``python -m scripted_model``: the scripted server in a process of its own, for benches. Ends with its input."""

from __future__ import annotations

import argparse
import json
import sys

from scripted_model import Rule, ScriptedModel
from scripted_model.ground_truth import RULE_SETS


def main() -> None:
    """Serve until standard input closes, then print the counters as one JSON line."""
    parser = argparse.ArgumentParser(prog="scripted_model", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--answer", help="answer every prompt with this text")
    parser.add_argument("--rules", choices=sorted(RULE_SETS), default="always_yes")
    options = parser.parse_args()
    rules = [Rule("", options.answer)] if options.answer is not None else RULE_SETS[options.rules]()
    with ScriptedModel(rules, latency_s=options.latency_ms / 1000, port=options.port) as model:
        print(f"listening on {model.url}", flush=True)
        sys.stdin.read()
        counters = {
            "requests": model.requests,
            "by_model": model.requests_by_model,
            "prompt_tokens": model.prompt_tokens,
            "completion_tokens": model.completion_tokens,
            "peak_concurrency": model.peak_concurrency,
            "unscripted": len(model.unscripted),
        }
        print(json.dumps(counters), flush=True)


if __name__ == "__main__":
    main()
