"""The table: a line for each system under each task, the best of the peers beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tasks import TITLES

INPUT_USD_PER_MTOK, OUTPUT_USD_PER_MTOK = 0.15, 0.60
_HEADER = ("system", "requests", "tokens in", "tokens out", "dollars", "seconds", "peak", "right")
_ROW = "{:<18}{:>9}{:>11}{:>11}{:>10}{:>9}{:>6}{:>8}"


@dataclass(frozen=True, slots=True)
class Line:
    """One run of one system on one task; ``right`` is the agreement, None where it failed with ``error``."""

    system: str
    task: str
    counters: Mapping[str, Any]
    seconds: float
    right: float | None
    error: str | None = None

    @property
    def dollars(self) -> float:
        """What the tokens cost."""
        tokens = self.counters
        return (tokens["prompt_tokens"] * INPUT_USD_PER_MTOK + tokens["output_tokens"] * OUTPUT_USD_PER_MTOK) / 1e6

    def cells(self) -> str:
        """Return the line as the table has it."""
        if self.right is None:
            return f"{self.system:<18}{self.counters['requests']:>9,}  {self.error}"
        counters = self.counters
        return _ROW.format(
            self.system,
            f"{counters['requests']:,}",
            f"{counters['prompt_tokens']:,}",
            f"{counters['output_tokens']:,}",
            f"{self.dollars:.4f}",
            f"{self.seconds:.2f}",
            counters["peak_concurrency"],
            f"{self.right:.1%}",
        )

    def progress(self) -> str:
        """Return the line as it is told while the bench runs."""
        unread = self.counters["not_understood_count"]
        return f"{self.task} {self.cells()}" + (f"   {unread} prompts not understood" if unread else "")


def print_report(lines: Sequence[Line], latency_ms: float) -> None:
    """Print the table."""
    print(f"{latency_ms:g} ms a call; dollars at 0.15 in, 0.60 out per million tokens (cl100k_base)")
    for task, title in TITLES.items():
        chosen = [line for line in lines if line.task == task]
        if not chosen:
            continue
        print(f"\n{task}  {title}\n{_ROW.format(*_HEADER)}")
        for line in chosen:
            print(line.cells())
            if line.counters["not_understood"]:
                print("    not understood:", line.counters["not_understood"][0][:300])
