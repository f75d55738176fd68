"""Vectors to ranks and hits; arrays in, arrays out."""
