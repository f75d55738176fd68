"""Benchmarks and measures of multilingual retrieval, as a plugin for existing toolkits."""
