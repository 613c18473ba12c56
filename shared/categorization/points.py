"""From rows to points: what the index holds for a category and for a labelled transaction."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from shared.engines.encoder import Encoder
from shared.engines.vectors import Point, PointKind, point_id


@dataclass(frozen=True)
class Entry:
    """A row as the index should hold it: its text, and the category it stands for."""

    kind: PointKind
    row_id: uuid.UUID
    category_id: uuid.UUID
    text: str

    @property
    def digest(self) -> str:
        """Changes when the point would."""
        return hashlib.sha256(f"{self.category_id}\x1f{self.text}".encode()).hexdigest()[:32]


def entry_point_id(fingerprint: str, entry: Entry) -> uuid.UUID:
    """The id of the entry's point under a model's weights."""
    return point_id(fingerprint, entry.kind, entry.row_id)


def to_points(
    fingerprint: str, organization_id: uuid.UUID, entries: Sequence[Entry], encoder: Encoder
) -> list[Point]:
    """Encode the entries, equal texts once."""
    vectors = encoder.encode([entry.text for entry in entries])
    return [
        Point(
            id=entry_point_id(fingerprint, entry),
            organization_id=organization_id,
            kind=entry.kind,
            row_id=entry.row_id,
            category_id=entry.category_id,
            vector=vector,
            digest=entry.digest,
        )
        for entry, vector in zip(entries, vectors, strict=True)
    ]
