"""Other names for categories: only the name changes, by the seed, and only where there is another."""

import uuid

from shared.categories.frozen import FrozenCategory
from shared.evaluation.renamed_categories import rename
from shared.registry.reports import RenamedCategories

IDS = [uuid.UUID(int=number) for number in range(3)]
CATEGORIES = {
    str(id_): FrozenCategory(name=f"Category {number}", examples=("x",), departments=("Sales",))
    for number, id_ in enumerate(IDS)
}


def test_only_names_change_and_only_where_another_is_known() -> None:
    names = {IDS[0]: ["Rooms", "Stays"], IDS[1]: ["Category 1"]}
    categories, renamed = rename(CATEGORIES, names, 3)
    first = categories[str(IDS[0])]
    assert first.name in {"Rooms", "Stays"}
    assert first.model_copy(update={"name": "Category 0"}) == CATEGORIES[str(IDS[0])]
    assert [categories[str(id_)] for id_ in IDS[1:]] == [CATEGORIES[str(id_)] for id_ in IDS[1:]]
    assert renamed == RenamedCategories(categories=1, of=3, names={IDS[0]: first.name})
    assert CATEGORIES[str(IDS[0])].name == "Category 0"
    assert rename(CATEGORIES, names, 3)[0] == categories
    drawn = {rename(CATEGORIES, names, seed)[0][str(IDS[0])].name for seed in range(20)}
    assert drawn == {"Rooms", "Stays"}
