"""Let stock mteb know the tasks, models and benchmark of xlir-bench.

mteb has no plugin hook, so ``xlir_bench.pth`` (``xlir_bench.start`` from Python 3.15, PEP 829) runs
``install`` at interpreter start. It only puts a finder in front of ``sys.meta_path``; that finder
does nothing until somebody imports ``mteb``, registers us right after mteb's own code ran, and
takes itself away. Every Python process pays for this file: it imports nothing but ``sys``.

``XLIR_BENCH_NO_HOOK=1`` switches it off.
"""

import sys


def install():
    """Watch for the import of mteb; at most one watcher, none if mteb is already there."""
    if "mteb" not in sys.modules and not any(isinstance(f, _Watcher) for f in sys.meta_path):
        sys.meta_path.insert(0, _Watcher())


def _register():
    """Register with mteb; a failure is one warning and never breaks ``import mteb``."""
    try:
        from xlir_bench.adapters.mteb.registry import register

        register()
    except Exception as error:
        import warnings

        warnings.warn(
            f"xlir-bench could not register its tasks with mteb: {type(error).__name__}: {error} "
            "(upgrade with: pip install -U xlir-bench; silence with: XLIR_BENCH_NO_HOOK=1)",
            RuntimeWarning,
            stacklevel=2,
        )


class _Watcher:
    """A meta-path finder that answers for ``mteb`` alone, and only once."""

    def find_spec(self, name, path=None, target=None):
        if name != "mteb":
            return None
        import os

        sys.meta_path.remove(self)
        if os.environ.get("XLIR_BENCH_NO_HOOK") == "1":
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            spec = find_spec and find_spec(name, path, target)
            if spec:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader:
    """Runs mteb's own loader, gives it its place back, then registers us."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _register()
