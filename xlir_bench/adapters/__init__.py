"""Bridges to other toolkits; the only importers of mteb, beir and pyserini."""
