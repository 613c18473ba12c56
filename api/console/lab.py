"""The lab's pages: leaderboards, an evaluation, two compared; each with charts, and tables as CSV."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import orm
from starlette.responses import JSONResponse, Response

from api.console import evaluation_views
from api.console.comparison import ComparisonView
from api.console.evaluation_views import Finding, Leaderboard
from api.console.rendering import HEADERS, page
from api.console.tables import Table
from api.console.visitor import SignedIn
from api.deps import Comparisons, Connections, Session
from shared.datasets import store as dataset_store
from shared.kit.errors import NotFound
from shared.kit.paging import Paging
from shared.registry import store as model_store

BOARDS = 200


router = APIRouter(prefix="/console", include_in_schema=False)


def find(evaluation_id: uuid.UUID, visitor: SignedIn, session: Session) -> Finding:
    """The evaluation that the path names."""
    return evaluation_views.find(session, visitor.principal.organization_id, evaluation_id)


def lead(
    visitor: SignedIn,
    session: Session,
    dataset_id: uuid.UUID | None = None,
    split: Annotated[str | None, Query(pattern="^(train|test|eval)$")] = None,
) -> Leaderboard | None:
    """The leaderboard that is asked for, or that of the newest dataset; None where nothing was evaluated."""
    organization_id = visitor.principal.organization_id
    boards = model_store.list_leaderboards(session, organization_id)
    fitting = [board for board in boards if dataset_id in (None, board.dataset_id)]
    splits = sorted(
        (board.split for board in fitting if board.dataset_id == fitting[0].dataset_id), key=_order
    )
    if dataset_id is None and not fitting:
        return None
    chosen = dataset_id or fitting[0].dataset_id
    return evaluation_views.lead(session, organization_id, chosen, split or next(iter(splits), "eval"))


def _order(split: str) -> int:
    return ("eval", "test", "train").index(split)


Found = Annotated[Finding, Depends(find)]
Led = Annotated[Leaderboard | None, Depends(lead)]


@router.get("/evaluations")
def show_evaluations(visitor: SignedIn, session: Session, led: Led) -> Response:
    """What was measured on one split of one dataset, best first."""
    organization_id = visitor.principal.organization_id
    measured = {board.dataset_id for board in model_store.list_leaderboards(session, organization_id)}
    listed = dataset_store.list_(session, organization_id, Paging(BOARDS)).rows
    shown = [dataset for dataset in listed if dataset.id in measured]
    return page("evaluations.html", visitor=visitor, datasets=shown, led=led)


@router.get("/evaluations/charts.json")
def draw_evaluations(led: Led) -> Response:
    """The list's charts as Vega-Lite specs."""
    return _charts({} if led is None else led.charts())


@router.get("/evaluations/tables/leaderboard.csv")
def export_evaluations(led: Led) -> Response:
    """The list as CSV."""
    return _csv({} if led is None else {"leaderboard": led.table()}, "leaderboard")


@router.get("/evaluations/{evaluation_id}")
def show_evaluation(visitor: SignedIn, found: Found) -> Response:
    """What one evaluation found."""
    return page(
        "evaluation.html", visitor=visitor, found=found, tables=found.tables(), figures=found.figures()
    )


@router.get("/evaluations/{evaluation_id}/charts.json")
def draw_evaluation(found: Found) -> Response:
    """The page's charts as Vega-Lite specs."""
    return _charts(found.charts())


@router.get("/evaluations/{evaluation_id}/tables/{table}.csv")
def export_evaluation(found: Found, table: str) -> Response:
    """One of the page's tables as CSV."""
    return _csv(found.tables(), table)


async def compare(
    visitor: SignedIn,
    connections: Connections,
    comparisons: Comparisons,
    baseline: uuid.UUID,
    candidate: uuid.UUID,
) -> ComparisonView:
    """The two evaluations that the address names, side by side."""
    organization_id = visitor.principal.organization_id

    def read(session: orm.Session) -> list[Finding]:
        return [evaluation_views.find(session, organization_id, id_) for id_ in (baseline, candidate)]

    views = await connections.run(read)
    return ComparisonView(await comparisons.get(organization_id, baseline, candidate), *views)


Compared = Annotated[ComparisonView, Depends(compare)]


@router.get("/compare")
def show_comparison(visitor: SignedIn, compared: Compared) -> Response:
    """How two evaluations differ on the rows that both have."""
    return page("compare.html", visitor=visitor, it=compared, tables=compared.tables())


@router.get("/compare/charts.json")
def draw_comparison(compared: Compared) -> Response:
    """The page's charts as Vega-Lite specs."""
    return _charts(compared.charts())


@router.get("/compare/tables/{table}.csv")
def export_comparison(compared: Compared, table: str) -> Response:
    """One of the page's tables as CSV."""
    return _csv(compared.tables(), table)


def _charts(specs: Mapping[str, Any]) -> Response:
    return JSONResponse(specs, headers=HEADERS)


def _csv(tables: Mapping[str, Table], name: str) -> Response:
    """A table as a file.

    Raises:
        NotFound: there is none of this name.
    """
    if name not in tables:
        raise NotFound
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(tables[name].csv(), media_type="text/csv", headers=headers)
