"""Transactions and labels over HTTP."""

import pytest

from tests.factories import OrganizationClient, new_category, new_transaction

WHOLE = {
    "external_id": "txn-1",
    "merchant_name": "Lufthansa",
    "merchant_descriptor": "LUFTHANSA 220 FRANKFURT",
    "merchant_category": ["Airlines", "Travel"],
    "merchant_category_code": "3008",
    "department": "Sales",
    "location": "Berlin",
    "amount": "412.90",
    "currency": "EUR",
    "memo": "Customer visit",
    "spend_program_name": "Travel",
    "trip_name": "Munich",
    "occurred_on": "2026-05-12",
}


def test_a_transaction_is_made_overwritten_and_deleted(organization: OrganizationClient) -> None:
    response = organization.post("/v1/transactions", WHOLE)
    assert response.status_code == 201
    shown = response.json()
    assert {name: shown[name] for name in WHOLE} == WHOLE
    assert (shown["source"], shown["label"]) == ("api", None)
    path = f"/v1/transactions/{shown['id']}"
    assert response.headers["location"] == path
    again = organization.post("/v1/transactions", WHOLE | {"memo": "Fair", "amount": -1})
    assert (again.status_code, again.json()["id"]) == (200, shown["id"])
    assert (again.json()["memo"], again.json()["amount"]) == ("Fair", "-1.00")
    assert organization.get(path).json() == again.json()
    assert organization.delete(path).status_code == 204
    assert organization.get(path).status_code == 404
    assert organization.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (19.99, "USD", "19.99"),
        (5, None, "5.00"),
        ("100.00", "JPY", "100"),
        ("-0.125", "KWD", "-0.125"),
        ("99999999999999.99", "USD", "99999999999999.99"),
        (1.1, "EUR", "1.10"),
        (None, "EUR", None),
    ],
)
def test_money_comes_back_exact(
    organization: OrganizationClient, amount: object, currency: str | None, shown: str | None
) -> None:
    transaction = new_transaction(organization, amount=amount, currency=currency)
    assert organization.get(f"/v1/transactions/{transaction['id']}").json()["amount"] == shown


def test_a_batch_answers_for_each_in_order(organization: OrganizationClient) -> None:
    known = new_transaction(organization, external_id="b")
    batch = [
        {"external_id": "a", "merchant_name": "A"},
        {"external_id": "bad", "merchant_name": "", "amount": "x"},
        {"external_id": "b", "merchant_name": "B"},
        7,
        {"merchant_name": "without an id"},
        {"external_id": 5, "merchant_name": "B"},
    ]
    response = organization.post("/v1/transactions/batch", {"transactions": batch})
    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["index"] for result in results] == list(range(6))
    assert [result["status"] for result in results] == [
        "created",
        "invalid",
        "updated",
        "invalid",
        "created",
        "invalid",
    ]
    assert [result["external_id"] for result in results] == ["a", "bad", "b", None, None, None]
    assert results[2]["id"] == known["id"]
    assert {error["pointer"] for error in results[1]["errors"]} == {
        "/transactions/1/merchant_name",
        "/transactions/1/amount",
    }
    assert results[3]["errors"][0]["pointer"] == "/transactions/3"
    assert organization.get(f"/v1/transactions/{known['id']}").json()["merchant_name"] == "B"
    listed = organization.get("/v1/transactions").json()["data"]
    assert {row["merchant_name"] for row in listed} == {"A", "B", "without an id"}


def test_labels_keep_their_history(organization: OrganizationClient) -> None:
    first, second = new_category(organization), new_category(organization)
    path = f"/v1/transactions/{new_transaction(organization)['id']}"
    speaker = organization.with_key("read", "write")
    for category in (first, second):
        labelled = speaker.put(f"{path}/label", {"category_id": category["id"]})
        assert labelled.status_code == 200
        assert labelled.json()["category_id"] == category["id"]
        assert organization.get(path).json()["label"] == labelled.json()
    history = organization.get(f"{path}/labels").json()["data"]
    assert [label["category_id"] for label in history] == [second["id"], first["id"]]
    assert [label["is_current"] for label in history] == [True, False]
    assert {(label["source"], label["actor"][:4]) for label in history} == {("human", "key ")}


def test_a_label_names_who_decided(organization: OrganizationClient) -> None:
    path = f"/v1/transactions/{new_transaction(organization)['id']}/label"
    category = new_category(organization)["id"]
    assert organization.put(path, {"category_id": category}).json()["actor"] == "first key"
    named = organization.put(path, {"category_id": category, "reviewer": "Jane"}).json()
    assert named["actor"] == "Jane"
    assert organization.put(path, {"category_id": category, "reviewer": " "}).status_code == 422


def test_a_label_needs_a_live_category(organization: OrganizationClient) -> None:
    archived = new_category(organization)
    organization.delete(f"/v1/categories/{archived['id']}")
    path = f"/v1/transactions/{new_transaction(organization)['id']}/label"
    for category_id in (archived["id"], "0198d0a4-5c1f-7aaa-8bbb-0c0d0e0f1011"):
        answer = organization.put(path, {"category_id": category_id})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/category_id")


def test_filters_narrow_together(organization: OrganizationClient) -> None:
    category = new_category(organization)
    hotel = new_transaction(
        organization, merchant_name="Marriott", memo="2 nights, 100%", occurred_on="2026-05-01"
    )
    train = new_transaction(organization, merchant_name="Deutsche Bahn", occurred_on="2026-06-01")
    plain = new_transaction(organization, merchant_name="marriott")
    organization.put(f"/v1/transactions/{hotel['id']}/label", {"category_id": category["id"]})

    def ids_of(**query: str) -> list[str]:
        rows = organization.get("/v1/transactions", params=query).json()["data"]
        return [row["id"] for row in rows]

    assert ids_of() == [plain["id"], train["id"], hotel["id"]]
    assert ids_of(unlabelled="true") == [plain["id"], train["id"]]
    assert ids_of(unlabelled="false") == [hotel["id"]]
    assert ids_of(category_id=category["id"]) == [hotel["id"]]
    assert ids_of(merchant="MARRIOTT") == [plain["id"], hotel["id"]]
    assert ids_of(text="0%") == [hotel["id"]]
    assert ids_of(text="_") == []
    assert ids_of(occurred_from="2026-05-02") == [train["id"]]
    assert ids_of(occurred_to="2026-05-31", merchant="marriott") == [hotel["id"]]
    assert ids_of(source="import") == []


def test_a_page_goes_on_where_the_last_one_ended_whatever_is_added(organization: OrganizationClient) -> None:
    transaction_ids = [new_transaction(organization)["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        answer = organization.get("/v1/transactions", params=query).json()
        seen += [row["id"] for row in answer["data"]]
        new_transaction(organization)  # newer than all: must neither shift nor repeat what is left
        cursor = answer["page"]["next"]
        if cursor is None:
            break
    assert seen == transaction_ids[::-1]
