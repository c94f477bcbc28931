"""``--hypothesis-profile=differential``: many examples, drawn anew in every run."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("differential", max_examples=5000, database=None, deadline=None, print_blob=True)
