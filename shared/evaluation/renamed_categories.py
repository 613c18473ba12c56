"""Categories under other names, which people approved: does a model know what is meant, or only the word?"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any


def rename(
    categories: Mapping[str, Mapping[str, Any]], names: Mapping[uuid.UUID, Sequence[str]], seed: int
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The categories of a dataset, each that has other names under the one that the seed draws; and which.

    Only the name changes: examples and description stay as they are.
    """
    renamed: dict[str, dict[str, Any]] = {}
    told: dict[str, str] = {}
    for category_id, about in categories.items():
        others = sorted({name for name in names.get(uuid.UUID(category_id), ()) if name != about["name"]})
        renamed[category_id] = dict(about)
        if others:
            digest = hashlib.sha256(f"{seed}:{category_id}".encode()).digest()
            told[category_id] = others[int.from_bytes(digest[:8], "big") % len(others)]
            renamed[category_id]["name"] = told[category_id]
    return renamed, {"categories": len(told), "of": len(categories), "names": told}
