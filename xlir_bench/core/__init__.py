"""The nouns: languages, texts, judgements, collections, settings, rank tables and scores."""
