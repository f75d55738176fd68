"""Exact ranks in corpora that are never in memory: find what is relevant, then count shards."""
