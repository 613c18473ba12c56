"""Rules for text that came from outside."""

import unicodedata


def is_blank(text: str) -> bool:
    """Whether nothing visible is left: only spaces, controls, or zero-width (format) characters."""
    return all(character.isspace() or unicodedata.category(character) in {"Cf", "Cc"} for character in text)


def is_storable(text: str) -> bool:
    """Whether Postgres can keep the text: no NUL, no lone surrogate."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def tidy(text: str | None) -> str:
    """The text without spaces at its ends and with single spaces between its words; empty for None."""
    return " ".join((text or "").split())


def fold(name: str | None) -> str:
    """A name as names are compared: tidied, in any case."""
    return tidy(name).casefold()
