"""Optional libraries: the extras of pyproject.toml."""


def how_to_install(extra: str) -> str:
    """A sentence that says how a checkout and how the image get the extra."""
    return f"In a checkout, run `make install EXTRAS={extra}`. For the image, build it with EXTRAS={extra}."
