"""Hooks around a snapshot, as AWS's runtime offers them: kept, and run where an environment is restored from one.

Environments are not restored from snapshots yet, so that registering a hook only remembers it.
"""

_before_snapshot = []
_after_restore = []


def register_before_snapshot(func, *args, **kwargs):
    """Remembers `func(*args, **kwargs)`; the last one registered runs first. Also a decorator."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """Remembers `func(*args, **kwargs)`, run in the order of registration. Also a decorator."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before_snapshot


def get_after_restore():
    return _after_restore
