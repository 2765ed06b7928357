"""A core for each piece of work, instead of all cores for one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def one_core_each(count: int | None = None) -> Iterator[Callable[..., Iterable]]:
    """`map` over `count` threads (default: all cores) of one core each, results in order; for one the plain `map`.

    Threads that share a layer wait for each other at every layer: small networks gain little from more than one, and
    where other work takes a core all of them stall.
    """
    threads = torch.get_num_threads()
    if count == 1:
        yield map
        return
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(count or threads)
    try:
        yield pool.map
    finally:
        # On SIGTERM, what has not begun is let go of.
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
