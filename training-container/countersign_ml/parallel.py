"""Work on every core at a time, in order, that ends at once where it is to end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

One = TypeVar("One")
Found = TypeVar("Found")


@contextmanager
def pool(threads: int | None) -> Iterator[ThreadPoolExecutor]:
    """A failure or SIGTERM lets go of what has not begun: an executor by itself would do all of it first."""
    executor = ThreadPoolExecutor(threads)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def mapped(function: Callable[[One], Found], items: Iterable[One]) -> Iterator[Found]:
    """`map` over a thread per core."""
    with pool(os.cpu_count()) as threads:
        yield from threads.map(function, items)
