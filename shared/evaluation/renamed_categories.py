"""Categories under other names that people approved: does a model generalise to new names?"""

import uuid
from collections.abc import Mapping, Sequence

from shared.categories.frozen import FrozenCategory
from shared.kit.seeded import choose
from shared.registry.reports import RenamedCategories


def rename(
    categories: Mapping[str, FrozenCategory], names: Mapping[uuid.UUID, Sequence[str]], seed: int
) -> tuple[dict[str, FrozenCategory], RenamedCategories]:
    """The categories of a dataset, each that has other names under the one that the seed draws; and which.

    Only the name changes: examples and description stay as they are.
    """
    renamed = dict(categories)
    new_names: dict[uuid.UUID, str] = {}
    for category_id, category in categories.items():
        others = sorted({name for name in names.get(uuid.UUID(category_id), ()) if name != category.name})
        if others:
            name = others[choose(seed, category_id, len(others))]
            new_names[uuid.UUID(category_id)] = name
            renamed[category_id] = category.model_copy(update={"name": name})
    return renamed, RenamedCategories(categories=len(new_names), of=len(categories), names=new_names)
