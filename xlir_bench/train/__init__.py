"""Recipe to model: parallel pairs, hybrid batches, sentence-transformers' trainer."""
