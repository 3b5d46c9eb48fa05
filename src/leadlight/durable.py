"""Names that last: a file or folder that was made or renamed is on the disk once its folder was written too.

POSIX promises no more: fsync(2) of a file says nothing of its name, and after a loss of power a rename may not
have been made. What must still be there then settles its folder before it says that it is done.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_UNABLE = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM, errno.EISDIR})
"""What file systems and systems say that can't sync a folder."""


def settle(folder: Path) -> None:
    """Write the names in `folder` to the disk, where the file system can. Raises OSError where the disk fails."""
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except OSError as e:
        if e.errno in _UNABLE:
            return
        raise
    try:
        os.fsync(handle)
    except OSError as e:
        if e.errno not in _UNABLE:
            raise
    finally:
        os.close(handle)
