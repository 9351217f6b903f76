"""Children of test programs: a process of its own for what is to be killed."""

from __future__ import annotations

import os
from collections.abc import Callable


def fork(work: Callable[[], object]) -> int:
    """Runs some work in a child and returns its id; the child's exit status tells whether it failed."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:  # the child must end here, whatever happened
        print(repr(error), flush=True)
        os._exit(1)
    os._exit(0)
