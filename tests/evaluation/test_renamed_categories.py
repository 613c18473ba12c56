"""Other names for categories: only the name changes, by the seed, and only where there is another."""

import uuid

from shared.evaluation.renamed_categories import rename

IDS = [uuid.UUID(int=number) for number in range(3)]
CATEGORIES = {
    str(category_id): {"name": f"Category {number}", "examples": ["x"], "departments": ["Sales"]}
    for number, category_id in enumerate(IDS)
}


def test_only_names_change_and_only_where_another_is_known() -> None:
    names = {IDS[0]: ["Rooms", "Stays"], IDS[1]: ["Category 1"]}
    renamed, report = rename(CATEGORIES, names, 3)
    assert renamed[str(IDS[0])]["name"] in {"Rooms", "Stays"}
    assert {**renamed[str(IDS[0])], "name": "Category 0"} == CATEGORIES[str(IDS[0])]
    assert [renamed[str(category_id)] for category_id in IDS[1:]] == [
        CATEGORIES[str(category_id)] for category_id in IDS[1:]
    ]
    assert report == {"categories": 1, "of": 3, "names": {str(IDS[0]): renamed[str(IDS[0])]["name"]}}
    assert CATEGORIES[str(IDS[0])]["name"] == "Category 0"
    assert rename(CATEGORIES, names, 3)[0] == renamed
    assert {rename(CATEGORIES, names, seed)[0][str(IDS[0])]["name"] for seed in range(20)} == {
        "Rooms",
        "Stays",
    }
