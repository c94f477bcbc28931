"""The page of differences is complete: every one that the code admits is on it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADMITTED = re.compile(r"Differs from PostgreSQL: (\w+(?: \S+){3})")


def test_every_admitted_difference_is_listed() -> None:
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    admitted = [
        " ".join(match.split())
        for path in sorted((ROOT / "rvbbit_proxy").rglob("*.py"))
        for match in ADMITTED.findall(path.read_text(encoding="utf-8"))
    ]
    assert admitted
    assert [start for start in admitted if start not in page] == []
