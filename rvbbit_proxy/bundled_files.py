"""Where the files that ship with us are: cascades, traits, migrations.

In a source checkout they stand at the top level beside the package; in the wheel inside it, as ``bundled``.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

BundledFolder = Literal["cascades", "traits", "migrations"]


def bundled_folder(name: BundledFolder) -> Path:
    """Return the folder of this name, wherever we are installed.

    >>> bundled_folder("migrations").name
    'migrations'

    Raises FileNotFoundError when the installation is incomplete.
    """
    package = Path(str(files("rvbbit_proxy")))
    for folder in (package / "bundled" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no folder {name!r} in {package} or beside it: the installation is incomplete")
