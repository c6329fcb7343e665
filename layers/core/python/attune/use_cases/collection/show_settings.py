"""Answer what clients ask before they send: whether their key is known, and where to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune.sources.client_settings import rudder_config, segment_settings
from attune.use_cases.management.recognise_keys import require_write_key

if TYPE_CHECKING:
    from attune.ports import DefinitionReader, Keys


class ShowSettings:
    """Both answers hold nothing that a holder of the key does not know: it is public."""

    def __init__(self, *, keys: Keys, definitions: DefinitionReader) -> None:
        self._keys = keys
        self._definitions = definitions

    def for_segment(self, write_key: str, origin: str | None, protocol: str, host: str) -> dict[str, Any]:
        """`host`: by which the client reached us. Raises as `require_write_key`."""
        require_write_key(write_key, origin, self._keys, self._definitions.current())
        return segment_settings(write_key, protocol, host)

    def for_rudder(self, write_key: str | None, origin: str | None) -> dict[str, Any]:
        """Raises as `require_write_key`."""
        _, source = require_write_key(write_key, origin, self._keys, self._definitions.current())
        return rudder_config(source, write_key or "")
