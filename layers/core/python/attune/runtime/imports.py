"""What the import machine hands to its step, beside the run."""

from __future__ import annotations

from attune.runtime.runs import RunInput


class ImportInput(RunInput, frozen=True, kw_only=True):
    """`key`: the dropped object's."""

    key: str
