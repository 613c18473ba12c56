"""What becomes of a reply: its rows are checked one by one, the sound and new ones become candidates."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from shared.candidates import service as candidates
from shared.candidates.service import Difficulty, NewCandidate, Origin
from shared.candidates.tables import Candidate
from shared.categorization.ranking import EncodedTransaction
from shared.generation.batch_plan import BATCH_SIZE
from shared.generation.budget import Tally
from shared.generation.difficulty import DifficultyScorer
from shared.generation.duplicates import Texts, Vectors, merchant_block
from shared.generation.llm_pool import Reply
from shared.generation.rows import Chart, MadeUp, Refused, read_paraphrase, read_transaction
from shared.jobs import store as job_store
from shared.jobs.run import Run
from shared.kit.ids import id_of_job
from shared.transactions import service as transactions
from shared.transactions import store as transaction_store
from shared.transactions.text import transaction_text

MOST_OF_MERCHANTS = 2000  # existing transactions that a batch is compared with, the newest


@dataclass(frozen=True)
class _Sound:
    """A row that passed, with its text and the block of texts it belongs to."""

    made: MadeUp
    block: str
    text: str


class CandidateWriter:
    """Turns replies into candidates, a transaction each, and counts what it refuses."""

    def __init__(
        self,
        run: Run,
        chart: Chart,
        origin: Origin,
        tally: Tally,
        judge: DifficultyScorer | None,
        *,
        is_paraphrase: bool,
    ) -> None:
        self._run, self._chart, self._origin, self._judge = run, chart, origin, judge
        self._is_paraphrase = is_paraphrase
        self._texts, self._names = Texts(), Texts()
        self._vectors: Vectors | None = None
        self.tally = tally
        for category in chart.by_id.values():
            self._names.add(str(category.id), category.name)

    def remember(self, made: Sequence[Candidate]) -> None:
        """Candidates that were made before; their like is refused."""
        kind = "paraphrase" if self._is_paraphrase else "transaction"
        before = [_of_candidate(one) for one in made if one.kind == kind]
        for block, text in before:
            self._texts.add(block, text)
        if self._judge is not None:
            self._vectors = Vectors(self._judge.encoder.dimension)
            if before:
                self._vectors.add(self._judge.encoder.encode([text for _, text in before]))

    def keep(self, reply: Reply, as_result: Callable[[Tally], dict[str, Any]]) -> None:
        """Count the reply and keep its good rows, in one transaction with the tally.

        Raises:
            LeaseLost: another attempt owns the job; nothing of this reply is kept.
        """
        tally = self.tally
        tally.usage += reply.usage
        tally.asked += reply.batch.size
        tally.received += len(reply.rows)
        if reply.refused is not None:
            tally.answers_refused[reply.refused] += 1
        new = self._judged(self._new_ones(self._sound(reply)), reply.batch.number)
        tally.valid += len(new)
        tally.ranks += [one.difficulty.rank for one in new if one.difficulty is not None]
        tally.done.append(reply.batch.number)
        with self._run.transaction() as session:
            candidates.add(session, self._run.organization_id, self._origin, new)
            job_store.record_result(session, self._run.job_id, as_result(tally))

    def _sound(self, reply: Reply) -> list[_Sound]:
        """The rows that keep the rules, no more of each category than were asked for."""
        read = read_paraphrase if self._is_paraphrase else read_transaction
        left = dict(reply.batch.wanted)
        sound = []
        for raw in reply.rows:
            try:
                made = read(raw, self._chart, reply.batch.wanted)
            except Refused as error:
                self.tally.refused[error.reason] += 1
                continue
            left[made.category_id] -= 1
            if left[made.category_id] < 0:
                self.tally.refused["more-than-asked"] += 1
                continue
            sound.append(_Sound(made, *_text_of(made)))
        return sound

    def _new_ones(self, sound: list[_Sound]) -> list[tuple[_Sound, NDArray[np.float32] | None]]:
        """Those that are no duplicates, with their vectors where a model is active; now they are known."""
        stored = self._stored(sound)
        kept = []
        for row in sound:
            reason = self._duplicate(row, stored)
            if reason is not None:
                self.tally.refused[reason] += 1
                continue
            self._texts.add(row.block, row.text)
            kept.append(row)
        if self._judge is None or self._vectors is None or not kept:
            return [(row, None) for row in kept]
        texts = self._judge.serving.texts
        vectors = self._judge.encoder.encode(
            [texts.of_transaction(row.made.fields) if row.made.fields else row.text for row in kept]
        )
        labelled = [False] * len(kept) if self._is_paraphrase else self._judge.are_near_labelled(vectors)
        found: list[tuple[_Sound, NDArray[np.float32] | None]] = []
        for row, vector, is_near in zip(kept, vectors, labelled, strict=True):
            if is_near:
                self.tally.refused["near-duplicate-of-transaction"] += 1
            elif self._vectors.has_near(vector):
                self.tally.refused["near-duplicate-of-candidate"] += 1
            else:
                self._vectors.add([vector])
                found.append((row, vector))
        return found

    def _duplicate(self, row: _Sound, stored: Texts) -> str | None:
        for texts, of_what in ((stored, "transaction"), (self._texts, "candidate")):
            found = texts.find(row.block, row.text)
            if found is not None:
                return f"{found}-of-{of_what}"
        found = self._names.find(row.block, row.text) if self._is_paraphrase else None
        return None if found is None else f"{found}-of-name"

    def _stored(self, sound: list[_Sound]) -> Texts:
        """The organisation's own transactions at the rows' merchants."""
        texts = Texts()
        names = {row.made.fields.merchant_name for row in sound if row.made.fields is not None}
        if names:
            with self._run.reading() as session:
                for text_and_block in _known_of(session, self._run.organization_id, names):
                    texts.add(*text_and_block)
        return texts

    def _judged(
        self, rows: list[tuple[_Sound, NDArray[np.float32] | None]], batch_number: int
    ) -> list[NewCandidate]:
        difficulties: Sequence[Difficulty | None] = [None] * len(rows)
        queries = [
            EncodedTransaction(
                vector,
                row.text,
                row.made.fields.department if row.made.fields else None,
                row.made.fields.location if row.made.fields else None,
            )
            for row, vector in rows
            if vector is not None
        ]
        if self._judge is not None and queries:
            meant = [row.made.category_id for row, _ in rows]
            difficulties = self._judge.difficulties(queries, meant, with_history=not self._is_paraphrase)
        return [
            NewCandidate(
                **vars(row.made),
                difficulty=difficulty,
                id=candidate_id(self._run.job_id, batch_number, position),
            )
            for position, ((row, _), difficulty) in enumerate(zip(rows, difficulties, strict=True))
        ]


def candidate_id(job_id: uuid.UUID, batch_number: int, position: int) -> uuid.UUID:
    """The id of a batch's `position`-th candidate: an attempt that comes again cannot double it."""
    return id_of_job("candidate", job_id, batch_number * BATCH_SIZE + position)


def _text_of(made: MadeUp) -> tuple[str, str]:
    """The block and the text by which a row is compared."""
    if made.fields is None:
        return str(made.category_id), made.paraphrase or ""
    return merchant_block(made.fields.merchant_name), transaction_text(made.fields)


def _of_candidate(one: Candidate) -> tuple[str, str]:
    fields = None if one.kind == "paraphrase" else candidates.fields_of(one)
    return _text_of(MadeUp(one.category_id, fields, paraphrase=one.paraphrase))


def _known_of(session: Session, organization_id: uuid.UUID, names: set[str]) -> list[tuple[str, str]]:
    rows = transaction_store.of_merchants(session, organization_id, names, limit=MOST_OF_MERCHANTS)
    return [(merchant_block(row.merchant_name), transactions.text_of(row)) for row in rows]
