"""BM25 baselines: one index for each language, or one for all."""
