"""Where files are worked on: beside the event loop, and few at a time in a process, whoever asks."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

PLACES = 2

_room = ThreadPoolExecutor(PLACES, thread_name_prefix="media")


async def in_workroom(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of `work` in one of the room's threads; waits for a place."""
    return await asyncio.get_running_loop().run_in_executor(_room, partial(work, *args, **kwargs))
