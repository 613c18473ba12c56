"""Outlay's version, which stands in pyproject.toml."""

from importlib.metadata import version

VERSION = version("outlay")
