"""Bytes of strangers against everything that takes them from the network.

`doors` has what takes them and what must always hold, `seeds` honest messages to begin with;
`python -m tests.fuzz --seconds 600` lets atheris make up the rest.
"""
