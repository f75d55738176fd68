"""Benchmarks as other tools read them: BEIR folders, TREC topics, qrels and runs."""
