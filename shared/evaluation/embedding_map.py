"""A map of the embeddings before and after training, on a plane. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.categories.frozen import FrozenCategory
from shared.datasets.service import Item
from shared.engines.encoder import Encoder
from shared.evaluation.projection import Vectors, possible_projection, project
from shared.jobs.kinds import Projection
from shared.kit.seeded import sort_key
from shared.registry.reports import EmbeddingMap, MapPoint, Point
from shared.transactions.formats import TextFormat

POINTS = 300
CATEGORIES = 150


@dataclass(frozen=True)
class Embedder:
    """A model and the texts that it reads."""

    encoder: Encoder
    texts: TextFormat

    def embed(self, categories: Sequence[FrozenCategory], items: Sequence[Item]) -> Vectors:
        """The vectors of the categories, then of the items: shape (n, d)."""
        texts = [self.texts.of_frozen(category) for category in categories]
        texts += [self.texts.of_transaction(item.fields) for item in items]
        return self.encoder.encode(texts)


def draw_map(
    items: Sequence[Item],
    categories: Mapping[str, FrozenCategory],
    seed: int,
    before: Embedder,
    after: Embedder,
    projection: Projection = "pca",
) -> EmbeddingMap:
    """At most 300 points, categories first, the rest transactions by the seed, as both models place them.

    The map's `method` is the projection, or "pca" where there are too few points for it.
    """
    category_ids = sorted(categories, key=lambda category_id: sort_key(seed, category_id))[:CATEGORIES]
    shown_items = sorted(items, key=lambda item: sort_key(seed, item.id))[: POINTS - len(category_ids)]
    shown_categories = [categories[category_id] for category_id in category_ids]
    vectors = {model: model.embed(shown_categories, shown_items) for model in {before, after}}
    method = possible_projection(projection, vectors.values())
    places = {model: _places(model_vectors, method, seed) for model, model_vectors in vectors.items()}
    labels = [
        *(("category", categories[category_id].name, category_id) for category_id in category_ids),
        *(("transaction", item.fields.merchant_name, str(item.category_id)) for item in shown_items),
    ]
    points = [
        MapPoint(kind=kind, label=label, category_id=category_id, before=start, after=end)
        for (kind, label, category_id), start, end in zip(labels, places[before], places[after], strict=True)
    ]
    return EmbeddingMap(method=method, points=tuple(points))


def _places(vectors: Vectors, method: Projection, seed: int) -> list[Point]:
    return [(round(float(x), 4), round(float(y), 4)) for x, y in project(vectors, method, seed)]
