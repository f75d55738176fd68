"""Rank tables, run files and scores on disk and on screen."""
