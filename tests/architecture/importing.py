"""Imports the whole product, so that what its modules declare can be looked at."""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType
from typing import TypeVar

import nexusone

K = TypeVar("K")


@lru_cache(maxsize=1)
def all_modules() -> tuple[ModuleType, ...]:
    """Every Python module of the product, imported."""
    return tuple(importlib.import_module(found.name) for found in pkgutil.walk_packages(nexusone.__path__, "nexusone."))


def product_subclasses(kind: type[K]) -> Iterator[type[K]]:
    """All subclasses that the product itself defines; those of tests are none of its."""
    all_modules()
    for child in kind.__subclasses__():
        if child.__module__.startswith("nexusone."):
            yield child
        yield from product_subclasses(child)
