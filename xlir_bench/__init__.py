"""Benchmarks, measures and training of multilingual retrieval, as a plugin for existing toolkits."""
