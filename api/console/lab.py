"""The lab's pages: leaderboards, an evaluation, two compared; each with charts, and tables as CSV."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy import orm
from starlette.responses import JSONResponse, Response

from api.console import evaluation_views
from api.console.comparison import ComparisonView
from api.console.evaluation_views import EvaluationView, Leaderboard
from api.console.rendering import HEADERS, page
from api.console.tables import Table
from api.console.visitor import SignedIn
from api.deps import Comparisons, Connections, Session
from shared.datasets import store as dataset_store
from shared.kit.errors import NotFound
from shared.registry import store as model_store

router = APIRouter(prefix="/console", include_in_schema=False)

SPLITS = ("eval", "test", "train")


def read_evaluation(evaluation_id: uuid.UUID, visitor: SignedIn, session: Session) -> EvaluationView:
    """The evaluation that the path names."""
    return evaluation_views.read_evaluation(session, visitor.principal.organization_id, evaluation_id)


@dataclass(frozen=True)
class LeaderboardChoice:
    """The leaderboard that is shown, and the names of the datasets that have one, newest first."""

    leaderboard: Leaderboard | None
    datasets: Mapping[uuid.UUID, str]


def choose_leaderboard(
    visitor: SignedIn,
    session: Session,
    dataset_id: uuid.UUID | None = None,
    split: Annotated[str | None, Query(pattern="^(train|test|eval)$")] = None,
) -> LeaderboardChoice:
    """The leaderboard that the query names, or the newest dataset's; none where nothing was evaluated."""
    organization_id = visitor.principal.organization_id
    keys = model_store.list_leaderboards(session, organization_id)
    if dataset_id is None:
        if not keys:
            return LeaderboardChoice(None, {})
        dataset_id = keys[0].dataset_id
    splits = [key.split for key in keys if key.dataset_id == dataset_id]
    chosen = split or min(splits, key=SPLITS.index, default="eval")
    leaderboard = evaluation_views.read_leaderboard(session, organization_id, dataset_id, chosen)
    names = dataset_store.names(session, organization_id, {key.dataset_id for key in keys})
    newest_first = {key.dataset_id: names[key.dataset_id] for key in keys if key.dataset_id in names}
    return LeaderboardChoice(leaderboard, newest_first)


EvaluationDep = Annotated[EvaluationView, Depends(read_evaluation)]
LeaderboardDep = Annotated[LeaderboardChoice, Depends(choose_leaderboard)]


@router.get("/evaluations")
def show_evaluations(visitor: SignedIn, choice: LeaderboardDep) -> Response:
    """The evaluations of one split of one dataset, best first."""
    return page("evaluations.html", visitor=visitor, datasets=choice.datasets, leaderboard=choice.leaderboard)


@router.get("/evaluations/charts.json")
def draw_evaluations(choice: LeaderboardDep) -> Response:
    """The list's charts as Vega-Lite specs."""
    return _charts({} if choice.leaderboard is None else choice.leaderboard.charts())


@router.get("/evaluations/tables/leaderboard.csv")
def export_evaluations(choice: LeaderboardDep) -> Response:
    """The list as CSV."""
    board = choice.leaderboard
    return _csv({} if board is None else {"leaderboard": board.table()}, "leaderboard")


@router.get("/evaluations/{evaluation_id}")
def show_evaluation(visitor: SignedIn, session: Session, view: EvaluationDep) -> Response:
    """What one evaluation measured."""
    return page(
        "evaluation.html",
        visitor=visitor,
        view=view,
        others=evaluation_views.read_others(session, visitor.principal.organization_id, view),
        tables=view.tables(),
        figures=view.figures(),
    )


@router.get("/evaluations/{evaluation_id}/charts.json")
def draw_evaluation(view: EvaluationDep) -> Response:
    """The page's charts as Vega-Lite specs."""
    return _charts(view.charts())


@router.get("/evaluations/{evaluation_id}/tables/{table}.csv")
def export_evaluation(view: EvaluationDep, table: str) -> Response:
    """One of the page's tables as CSV."""
    return _csv(view.tables(), table)


async def compare(
    visitor: SignedIn,
    connections: Connections,
    comparisons: Comparisons,
    baseline: uuid.UUID,
    candidate: uuid.UUID,
) -> ComparisonView:
    """The two evaluations that the address names, side by side."""
    organization_id = visitor.principal.organization_id

    def read(session: orm.Session) -> list[EvaluationView]:
        return [
            evaluation_views.read_evaluation(session, organization_id, id_) for id_ in (baseline, candidate)
        ]

    views = await connections.run(read)
    return ComparisonView(await comparisons.get(organization_id, baseline, candidate), *views)


ComparisonDep = Annotated[ComparisonView, Depends(compare)]


@router.get("/compare")
def show_comparison(visitor: SignedIn, comparison: ComparisonDep) -> Response:
    """How two evaluations differ on the rows that both have."""
    return page("compare.html", visitor=visitor, comparison=comparison, tables=comparison.tables())


@router.get("/compare/charts.json")
def draw_comparison(comparison: ComparisonDep) -> Response:
    """The page's charts as Vega-Lite specs."""
    return _charts(comparison.charts())


@router.get("/compare/tables/{table}.csv")
def export_comparison(comparison: ComparisonDep, table: str) -> Response:
    """One of the page's tables as CSV."""
    return _csv(comparison.tables(), table)


def _charts(specs: Mapping[str, Any]) -> Response:
    return JSONResponse(specs, headers=HEADERS)


def _csv(tables: Mapping[str, Table], name: str) -> Response:
    """A table as a file.

    Raises:
        NotFound: no table has this name.
    """
    if name not in tables:
        raise NotFound
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(tables[name].csv(), media_type="text/csv", headers=headers)
