"""What an error says to the user does not depend on docstrings, which `python -OO` removes."""

import subprocess
import sys

from shared.kit.errors import AppError, NotFound

PRINT_MESSAGE = "from shared.kit.errors import NotFound; print(NotFound().message)"


def test_a_message_survives_optimised_bytecode() -> None:
    done = subprocess.run(
        [sys.executable, "-OO", "-c", PRINT_MESSAGE], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == NotFound().message == "There is no such resource."


def test_a_message_of_its_own_replaces_that_of_the_class() -> None:
    error = NotFound("There is no category 7.")
    assert (error.message, str(error), NotFound.message) == (
        "There is no category 7.",
        "There is no category 7.",
        "There is no such resource.",
    )
    assert issubclass(NotFound, AppError)
