"""`Seal` by AES-256-GCM."""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


class AesSeal:
    """Random nonces: fine for 2^32 rows under one key, and a key seals the rows of one profile."""

    def new_key(self) -> bytes:
        """32 random bytes."""
        return AESGCM.generate_key(bit_length=256)

    def seal(self, key: bytes, plain: bytes) -> bytes:
        """12 bytes of nonce, then ciphertext and tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, plain, None)

    def open(self, key: bytes, sealed: bytes) -> bytes:
        """Raises ValueError when key or bytes are wrong."""
        if len(sealed) < _NONCE_BYTES:
            raise ValueError("the seal does not open")
        try:
            return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        except InvalidTag as wrong:
            raise ValueError("the seal does not open") from wrong
