"""All named cases."""

from __future__ import annotations

from typing import Final

from tests.bad_input import call_cases, gzip_cases, json_cases, request_cases, time_cases, value_cases
from tests.bad_input.cases import Case

CASES: Final[tuple[Case, ...]] = tuple(
    case
    for topic in (json_cases, gzip_cases, value_cases, call_cases, time_cases, request_cases)
    for case in topic.cases()
)
