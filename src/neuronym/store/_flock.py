"""An exclusive lock on an open file that ends with the process, on the systems that have one."""

from __future__ import annotations

import errno
import sys

_TAKEN = {errno.EAGAIN, errno.EACCES}

if sys.platform == "win32":
    import msvcrt

    def acquire(handle: int) -> bool:
        """Locks the open file, without waiting; False if another process has done so."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            return error.errno not in _TAKEN
        return True

    def release(handle: int) -> None:
        """Unlocks what :func:`acquire` locked."""
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def acquire(handle: int) -> bool:
        """Locks the open file, without waiting; False if another process has done so.

        True as well where the file system has no locks: working without one beats not working.
        """
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in _TAKEN
        return True

    def release(handle: int) -> None:
        """Unlocks what :func:`acquire` locked, for children that inherited the file too."""
        try:
            fcntl.flock(handle, fcntl.LOCK_UN)
        except OSError:  # it was not locked: see acquire
            return
