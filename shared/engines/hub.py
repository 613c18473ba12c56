"""A model hub with the Hugging Face hub's API: fetch a repository at a commit, send files to one."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import SecretStr

from shared.kit.errors import AppError, Conflict
from shared.kit.logging import get_logger

MAX_BYTES = 20 * 1024**3  # of one model: more fills a disk rather than serves a request
# Weights without code, and what is read beside them.
FILES = ("*.safetensors", "*.json", "*.txt", "*.model")
_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PART = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)

logger = get_logger(__name__)

# (bytes done, bytes in all, what is at work)
OnProgress = Callable[[int, int, str], None]


class HubTokenMissing(Conflict):
    code = "hub-token-missing"
    message = (
        "No token for the model hub is set. Set OUTLAY_HUB_TOKEN to one that may write, then start anew."
    )


class HubRefused(AppError):
    code = "hub-refused"
    message = (
        "The hub refuses this. See whether OUTLAY_HUB_TOKEN is valid and may do it, and if the name fits."
    )


class HubUnreachable(AppError):
    code = "hub-unreachable"
    message = "The hub does not answer as it should. Retry the job later."


class HubOffline(AppError):
    code = "hub-offline"
    message = (
        "HF_HUB_OFFLINE is set, so no hub is asked. Start the workers with HF_HUB_OFFLINE=0, then retry."
    )


class NotOnHub(AppError):
    code = "not-on-hub"
    message = (
        "The hub has no such model at this commit, or shows it to nobody without a token that may read it."
    )


class ModelTooLarge(AppError):
    code = "model-too-large"
    message = "The model's files are larger than 20 GiB together."


class RepositoryIsPublic(AppError):
    code = "repository-is-public"
    message = (
        "There is a repository of this name already, and everybody can read it. Choose another name, or make"
        ' it private on the hub, or push with "is_private": false.'
    )


@dataclass(frozen=True)
class Pushed:
    """Where the files are now: the commit that added them, and its address."""

    commit: str
    url: str


def is_commit(revision: str | None) -> bool:
    """Whether it is the full hash of a commit, under which a hub's files never change."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def is_hub_name(name: str) -> bool:
    """Whether it can name a repository: owner/name."""
    return _ID.fullmatch(name) is not None and ".." not in name


class Hub:
    """One hub, spoken to with one token; `endpoint` None: HF_ENDPOINT, or the public one.

    A token that this machine's user has saved for other purposes is never used.
    """

    def __init__(self, token: SecretStr | None, *, endpoint: str | None = None) -> None:
        self._token = token
        self._endpoint = endpoint

    @property
    def can_push(self) -> bool:
        """Whether there is a token at all."""
        return self._token is not None

    def fetch(self, name: str, revision: str, folder: Path, on_progress: OnProgress) -> None:
        """Write the safetensors, texts and configurations of the repository at a commit into `folder`.

        Code, pickled weights and other formats stay where they are. What `on_progress` raises ends it,
        between two files.

        Raises:
            NotOnHub, HubRefused, HubUnreachable, HubOffline, ModelTooLarge: nothing usable is in the folder.
        """
        from huggingface_hub import hf_hub_download

        with _translated():
            info = self._api().model_info(name, revision=revision, files_metadata=True)
            sizes = {
                sibling.rfilename: sibling.size or 0
                for sibling in info.siblings or ()
                if _is_wanted(sibling.rfilename)
            }
            total = sum(sizes.values())
            if total > MAX_BYTES:
                raise ModelTooLarge
            done = 0
            for path, size in sizes.items():
                on_progress(done, total, "fetching")
                hf_hub_download(
                    name,
                    path,
                    revision=revision,
                    local_dir=folder,
                    token=self._secret(),
                    endpoint=self._endpoint,
                )
                done += size
        shutil.rmtree(folder / ".cache", ignore_errors=True)  # the library's notes on its downloads

    def push(
        self, name: str, files: Mapping[str, Path | bytes], *, is_private: bool, on_progress: OnProgress
    ) -> Pushed:
        """Send the files, by their path there, in one commit to a repository that is made if it is missing.

        Raises:
            RepositoryIsPublic: it should be private, and is there and is not.
            HubTokenMissing: there is none.
            NotOnHub, HubRefused, HubUnreachable, HubOffline: nothing can be seen there.
        """
        from huggingface_hub import CommitOperationAdd

        if self._token is None:
            raise HubTokenMissing
        api = self._api()
        with _translated():
            repository = api.create_repo(name, private=is_private, exist_ok=True).repo_id
            if is_private and not api.model_info(repository).private:
                raise RepositoryIsPublic
            additions = [CommitOperationAdd(path, content) for path, content in files.items()]
            total, done = sum(addition.upload_info.size for addition in additions), 0
            for addition in additions:
                on_progress(done, total, "sending")
                api.preupload_lfs_files(repository, [addition], free_memory=False)
                done += addition.upload_info.size
            on_progress(total, total, "sending")
            commit = api.create_commit(repository, additions, commit_message="A model from Outlay")
        return Pushed(commit.oid, commit.commit_url)

    def _api(self) -> Any:
        from huggingface_hub import HfApi, utils

        utils.disable_progress_bars()  # type: ignore[attr-defined]  # it is there, and documented
        return HfApi(endpoint=self._endpoint, token=self._secret())

    def _secret(self) -> str | bool:
        """False, unlike None, keeps the library from looking for one elsewhere."""
        return False if self._token is None else self._token.get_secret_value()


def _is_wanted(path: str) -> bool:
    """Whether a file of a repository belongs to a model, and lies where its name says."""
    parts = PurePosixPath(path).parts
    return (
        "/".join(parts) == path
        and all(_PART.fullmatch(part) for part in parts)
        and any(fnmatch(parts[-1], pattern) for pattern in FILES)
    )


@contextmanager
def _translated() -> Iterator[None]:
    """The library's errors as ours, none of which quotes a header, an address or an answer."""
    import httpx2
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except OfflineModeIsEnabled as error:
        raise HubOffline from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise NotOnHub from error
    except HfHubHTTPError as error:
        is_ours = 400 <= error.response.status_code < 500 and error.response.status_code not in {408, 429}
        raise (HubRefused if is_ours else HubUnreachable) from error
    # The last two: an answer that makes no sense, and an upload of large files that broke off.
    except (LocalEntryNotFoundError, httpx2.HTTPError, OSError, ValueError, RuntimeError) as error:
        logger.warning("hub failed", error=type(error).__name__, cause=type(error.__cause__).__name__)
        raise HubUnreachable from error
