"""Turns the rows of a reply into candidates: each is checked, and those that are valid and new are stored."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from shared.candidates import service as candidate_service
from shared.candidates.service import Difficulty, NewCandidate, Origin
from shared.candidates.tables import Candidate
from shared.categorization.ranking import EncodedTransaction
from shared.generation.batch_plan import BATCH_SIZE
from shared.generation.budget import Tally
from shared.generation.difficulty import DifficultyScorer
from shared.generation.duplicates import KnownTexts, KnownVectors
from shared.generation.llm_pool import Reply
from shared.generation.rows import Chart, GeneratedRow, RowRefused, read_paraphrase, read_transaction
from shared.jobs import store as job_store
from shared.jobs.run import Run
from shared.kit.ids import id_of_job
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.merchant import merchant_key
from shared.transactions.text import transaction_text

MOST_OF_MERCHANTS = 2000  # existing transactions that a batch is compared with, the newest


@dataclass(frozen=True)
class _ValidRow:
    """A row that passed the checks, with its text and the block of texts it is compared within."""

    row: GeneratedRow
    block: str
    text: str


class CandidateWriter:
    """Turns replies into candidates, one database transaction each, and counts the rows it refuses."""

    def __init__(
        self,
        run: Run,
        chart: Chart,
        origin: Origin,
        tally: Tally,
        scorer: DifficultyScorer | None,
        *,
        is_paraphrase: bool,
    ) -> None:
        self._run, self._chart, self._origin, self._scorer = run, chart, origin, scorer
        self._is_paraphrase = is_paraphrase
        self._texts, self._names = KnownTexts(), KnownTexts()
        self._vectors: KnownVectors | None = None
        self.tally = tally
        for category in chart.by_id.values():
            self._names.add(str(category.id), category.name)

    def remember(self, candidates: Sequence[Candidate]) -> None:
        """Refuse rows that are like these existing candidates."""
        kind = "paraphrase" if self._is_paraphrase else "transaction"
        before = [_of_candidate(candidate) for candidate in candidates if candidate.kind == kind]
        for block, text in before:
            self._texts.add(block, text)
        if self._scorer is not None:
            self._vectors = KnownVectors(self._scorer.encoder.dimension)
            if before:
                self._vectors.add(self._scorer.encoder.encode([text for _, text in before]))

    def write(self, reply: Reply, as_result: Callable[[Tally], dict[str, Any]]) -> None:
        """Count the reply and store its good rows, in one transaction with the tally.

        Raises:
            LeaseLost: another attempt owns the job; nothing of this reply is stored.
        """
        tally = self.tally
        tally.usage += reply.usage
        tally.asked += reply.batch.size
        tally.received += len(reply.rows)
        if reply.refused is not None:
            tally.answers_refused[reply.refused] += 1
        new = self._with_difficulty(self._new_rows(self._valid_rows(reply)), reply.batch.number)
        tally.valid += len(new)
        tally.ranks += [candidate.difficulty.rank for candidate in new if candidate.difficulty is not None]
        tally.done.append(reply.batch.number)
        with self._run.transaction() as session:
            candidate_service.add(session, self._run.organization_id, self._origin, new)
            job_store.record_result(session, self._run.job_id, as_result(tally))

    def _valid_rows(self, reply: Reply) -> list[_ValidRow]:
        """The rows that satisfy the rules, no more of each category than were requested."""
        read = read_paraphrase if self._is_paraphrase else read_transaction
        left = dict(reply.batch.wanted)
        valid = []
        for raw in reply.rows:
            try:
                row = read(raw, self._chart, reply.batch.wanted)
            except RowRefused as error:
                self.tally.refused[error.reason] += 1
                continue
            left[row.category_id] -= 1
            if left[row.category_id] < 0:
                self.tally.refused["more-than-asked"] += 1
                continue
            valid.append(_ValidRow(row, *_text_of(row)))
        return valid

    def _new_rows(self, valid: list[_ValidRow]) -> list[tuple[_ValidRow, NDArray[np.float32] | None]]:
        """The rows that are no duplicates, with their vectors where a model is active; all are remembered."""
        stored = self._stored(valid)
        new = []
        for row in valid:
            reason = self._duplicate(row, stored)
            if reason is not None:
                self.tally.refused[reason] += 1
                continue
            self._texts.add(row.block, row.text)
            new.append(row)
        if self._scorer is None or self._vectors is None or not new:
            return [(row, None) for row in new]
        texts = self._scorer.serving.texts
        vectors = self._scorer.encoder.encode(
            [texts.of_transaction(valid.row.fields) if valid.row.fields else valid.text for valid in new]
        )
        labelled = [False] * len(new) if self._is_paraphrase else self._scorer.are_near_labelled(vectors)
        rows_and_vectors: list[tuple[_ValidRow, NDArray[np.float32] | None]] = []
        for row, vector, is_near in zip(new, vectors, labelled, strict=True):
            if is_near:
                self.tally.refused["near-duplicate-of-transaction"] += 1
            elif self._vectors.has_near(vector):
                self.tally.refused["near-duplicate-of-candidate"] += 1
            else:
                self._vectors.add([vector])
                rows_and_vectors.append((row, vector))
        return rows_and_vectors

    def _duplicate(self, row: _ValidRow, stored: KnownTexts) -> str | None:
        for texts, of_what in ((stored, "transaction"), (self._texts, "candidate")):
            match = texts.find(row.block, row.text)
            if match is not None:
                return f"{match}-of-{of_what}"
        match = self._names.find(row.block, row.text) if self._is_paraphrase else None
        return None if match is None else f"{match}-of-name"

    def _stored(self, rows: list[_ValidRow]) -> KnownTexts:
        """The organisation's own transactions at the rows' merchants."""
        texts = KnownTexts()
        names = {valid.row.fields.merchant_name for valid in rows if valid.row.fields is not None}
        if names:
            with self._run.reading() as session:
                for text_and_block in _known_of(session, self._run.organization_id, names):
                    texts.add(*text_and_block)
        return texts

    def _with_difficulty(
        self, rows: list[tuple[_ValidRow, NDArray[np.float32] | None]], batch_number: int
    ) -> list[NewCandidate]:
        difficulties: Sequence[Difficulty | None] = [None] * len(rows)
        queries = [
            EncodedTransaction(
                vector,
                row.text,
                row.row.fields.department if row.row.fields else None,
                row.row.fields.location if row.row.fields else None,
            )
            for row, vector in rows
            if vector is not None
        ]
        if self._scorer is not None and queries:
            meant = [row.row.category_id for row, _ in rows]
            difficulties = self._scorer.difficulties(queries, meant, with_history=not self._is_paraphrase)
        return [
            NewCandidate(
                **vars(row.row),
                difficulty=difficulty,
                id=candidate_id(self._run.job_id, batch_number, position),
            )
            for position, ((row, _), difficulty) in enumerate(zip(rows, difficulties, strict=True))
        ]


def candidate_id(job_id: uuid.UUID, batch_number: int, position: int) -> uuid.UUID:
    """The id of a batch's `position`-th candidate: an attempt that comes again cannot double it."""
    return id_of_job("candidate", job_id, batch_number * BATCH_SIZE + position)


def _text_of(row: GeneratedRow) -> tuple[str, str]:
    """The block and the text by which a row is compared."""
    if row.fields is None:
        return str(row.category_id), row.paraphrase or ""
    return merchant_key(row.fields.merchant_name), transaction_text(row.fields)


def _of_candidate(candidate: Candidate) -> tuple[str, str]:
    fields = None if candidate.kind == "paraphrase" else candidate_service.fields_of(candidate)
    return _text_of(GeneratedRow(candidate.category_id, fields, paraphrase=candidate.paraphrase))


def _known_of(session: Session, organization_id: uuid.UUID, names: set[str]) -> list[tuple[str, str]]:
    rows = transaction_store.of_merchants(session, organization_id, names, limit=MOST_OF_MERCHANTS)
    return [(merchant_key(row.merchant_name), transactions.text_of(row)) for row in rows]
