"""Ranks of the relevant passages to scores; nothing here sees a similarity."""
