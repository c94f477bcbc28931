"""Lines on disk before anything else: segment files that are written, sealed, loaded and deleted.

One process owns a home (``flock`` on ``<home>/lock``). A segment is named by a number that only grows, so that
names sort by time and are never used twice, not even when the clock is set back. A line is one ``os.write`` on
an O_APPEND descriptor: it survives SIGKILL once ``append`` has returned, and a power cut once ``sync`` has.
Not here: what the lines mean (``encode``) and where they go (``store``).
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rvbbit_proxy.errors import ConfigurationFault, LedgerUnwritable

SEGMENT_BYTES = 8 * 1024 * 1024
"""A segment this long is sealed: bounds what one load holds in memory."""


class HomeLock:
    """The right to write in a home; held until :meth:`release` or the end of the process."""

    def __init__(self, home: Path) -> None:
        """Take the lock; raises :class:`ConfigurationFault` naming the process that has it."""
        self._descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 64).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise ConfigurationFault(
                f"home {home} is in use by process {holder}",
                hint="Ask that server through its port, stop it, or give this one another --home.",
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another process have the home."""
        os.close(self._descriptor)


class Journal:
    """The segments of a home. ``append`` from any thread; ``seal``, ``sync`` and ``remove`` from one at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        last_segment: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        """Open the folder; segments found there count as sealed. ``last_segment``: a number already used."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._write = write
        self._lock = threading.Lock()
        self._sealed = sorted(int(path.stem) for path in folder.glob("[0-9]*.jsonl"))
        self._last = max([last_segment, *self._sealed])
        self._open: dict[int, int] = {}  # descriptors by segment, until it is removed
        self._active: int | None = None
        self._active_bytes = 0

    def path(self, segment: int) -> Path:
        """Return the file of a segment."""
        return self.folder / f"{segment:020d}.jsonl"

    def append(self, lines: bytes) -> int:
        """Write whole lines, all or none, and return the segment; raises LedgerUnwritable when the disk refuses."""
        with self._lock:
            try:
                return self._append(lines)
            except OSError as error:
                raise _unwritable(error, self.folder) from error

    def _append(self, lines: bytes) -> int:
        if self._active is None:
            self._active = self._start_segment()
        segment = self._active
        descriptor = self._open[segment]
        try:
            if self._write(descriptor, lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(descriptor, self._active_bytes)
            raise
        self._active_bytes += len(lines)
        if self._active_bytes >= self._segment_bytes:
            self._seal_active()
        return segment

    def _start_segment(self) -> int:
        segment = max(time.time_ns(), self._last + 1)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._open[segment] = os.open(self.path(segment), flags, 0o600)
        self._last, self._active_bytes = segment, 0
        return segment

    def _seal_active(self) -> None:
        if self._active is not None and self._active_bytes > 0:
            self._sealed.append(self._active)
            self._active = None

    def seal(self) -> list[int]:
        """Close the active segment to new lines and return all sealed ones, oldest first."""
        with self._lock:
            self._seal_active()
            return list(self._sealed)

    def sync(self) -> None:
        """Put on the disk what has been appended so far; the files of sealed segments are done with then."""
        with self._lock:
            descriptors = dict(self._open)
            active = self._active
        for segment, descriptor in descriptors.items():
            os.fsync(descriptor)
            if segment != active:
                self._close(segment)

    def _close(self, segment: int) -> None:
        with self._lock:
            descriptor = self._open.pop(segment, None)
        if descriptor is not None:
            os.close(descriptor)

    def remove(self, segment: int) -> None:
        """Delete a sealed segment that the store has committed."""
        self._close(segment)
        with self._lock:
            self._sealed.remove(segment)
        self.path(segment).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files; what the store lacks stays for the next open."""
        with self._lock:
            self._seal_active()
            for descriptor in self._open.values():
                os.close(descriptor)
            self._open.clear()
            if self._active is not None:
                self.path(self._active).unlink()
                self._active = None


def _unwritable(error: OSError, folder: Path) -> LedgerUnwritable:
    """Return the error a client sees: 53100 for a full disk, else 58030."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return LedgerUnwritable(
        f"could not write to the journal in {folder}: {error.strerror}",
        sqlstate="53100" if full else None,
        hint="Free space on that disk; nothing is used that is not on the ledger." if full else None,
    )
