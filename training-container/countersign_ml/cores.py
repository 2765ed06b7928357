"""A core for each piece of work, instead of all cores for one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch

from .parallel import pool


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
    try:
        with pool(count or threads) as executor:
            yield executor.map
    finally:
        torch.set_num_threads(threads)
