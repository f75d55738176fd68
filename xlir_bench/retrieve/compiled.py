"""Compile a function with numba and keep the machine code in our cache folder.

Beside the source, where numba keeps it by itself, ``pip uninstall`` would leave it behind.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from xlir_bench.paths import cache_folder

F = TypeVar("F", bound=Callable[..., Any])


def compiled(**options: bool) -> Callable[[F], F]:
    """Return a decorator like ``numba.njit(cache=True, **options)``; types are found at the call.

    Without a writable cache folder the function is compiled anew in every process.
    """

    def decorate(function: F) -> F:
        settings: Any = numba.config
        compiler: Any = numba.njit
        before = settings.CACHE_DIR
        settings.CACHE_DIR = str(cache_folder() / "compiled")
        try:
            ready: F = compiler(cache=True, **options)(function)
        except (OSError, RuntimeError):
            ready = compiler(**options)(function)
        finally:
            settings.CACHE_DIR = before
        return ready

    return decorate
