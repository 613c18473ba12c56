"""Answers that hold a secret, readable only with the caller's own API key."""

import os
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.kit.errors import Conflict

_NONCE_BYTES = 12
_PURPOSE = b"outlay: answer kept under an idempotency key"


class OtherKeysAnswer(Conflict):
    code = "idempotency-key-of-another-key"
    message = (
        "Another API key of the organisation asked this first, and only that key can be shown the answer "
        "again, since it holds a secret. Repeat the request with that key, or use a new Idempotency-Key to "
        "make another."
    )


def seal(body: bytes, token: str, row_id: uuid.UUID) -> bytes:
    """The body under AES-256-GCM: 12 bytes of nonce, then the ciphertext, bound to the row.

    The key is derived from the caller's token by HKDF: the database, which has only the token's hash, cannot.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(token, row_id).encrypt(nonce, body, row_id.bytes)


def unseal(sealed: bytes, token: str, row_id: uuid.UUID) -> bytes:
    """The body that was sealed.

    Raises:
        OtherKeysAnswer: it was sealed with another token.
    """
    try:
        return _cipher(token, row_id).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], row_id.bytes)
    except InvalidTag as error:
        raise OtherKeysAnswer from error


def _cipher(token: str, row_id: uuid.UUID) -> AESGCM:
    return AESGCM(
        HKDF(algorithm=SHA256(), length=32, salt=row_id.bytes, info=_PURPOSE).derive(token.encode())
    )
