"""Cleans merchant names: removes what card networks add to them."""

import re
import unicodedata

# Payment facilitators put themselves before the merchant ("SQ *BLUE BOTTLE"); the asterisk tells them apart
# from a merchant whose name begins with the same letters.
_FACILITATOR = re.compile(
    r"^(?:sq|sqc|tst|paypal|pp|sp|spo|iz|izettle|zettle|sumup|stripe|shopify|wpy|wp|fs|gum|pos|ppl|in)\s?\*\s?",
    re.IGNORECASE,
)
_TAILS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # A phone number of at least seven digits, with the state or country printed after it.
        r"\s\+?\(?\d(?:[\d().\-]|\s(?=[\d(])){5,}\d(?:\s[a-z]{2,3})?$",
        # A reference after an asterisk: letters and digits mixed, or digits alone ("FACEBK *F8NU366AG2").
        r"\s?\*\s?(?=[a-z0-9]*\d)[a-z0-9]{4,}$",
        # A numbered shop: "#12", "store 512", "no. 7", or a bare number of four digits or more.
        r"\s(?:store |shop |branch )?(?:#|nr\.? ?|no\.? ?)\d+$",
        r"\s(?:store|shop|branch) \d+$",
        r"\s\d{4,}$",
        r"\s0\d{2,}$",
        # A reference of eight characters or more with at least three digits among letters.
        r"\s(?=(?:[a-z]*\d){3})(?=\d*[a-z])[a-z0-9]{8,}$",
        r"[\s*#,;:\-]+$",
    )
)


def clean_merchant(raw: str) -> str:
    """A card descriptor or merchant name without facilitator prefix, store number, phone or reference.

    Conservative: what might be the name stays, and where nothing would be left the text stays as it was.
    Idempotent; text that is not empty never becomes empty.
    """
    text = raw
    while (step := _step(text)) != text:
        text = step
    return text


def merchant_key(raw: str) -> str:
    """A merchant's name as merchants are compared: cleaned, in any case."""
    return clean_merchant(raw).strip().casefold()


def _step(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text)
    visible = "".join(" " if unicodedata.category(c) in {"Cc", "Cf"} else c for c in folded)
    spaced = " ".join(visible.split())
    for pattern in (_FACILITATOR, *_TAILS):
        shorter = pattern.sub("", spaced)
        if any(character.isalpha() for character in shorter):
            spaced = shorter
    return spaced or text
