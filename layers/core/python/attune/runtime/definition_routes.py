"""The admin's routes: definitions, what is counted of them, keys of sources, secrets of sources and channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune.runtime.http import Request, not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune.use_cases.definitions.manage_definitions import ManageDefinitions
    from attune.use_cases.repairs.show_arrivals import ShowArrivals
    from attune.use_cases.segments.count_segments import ShowSizes


def about_definitions(request: Request, manage: ManageDefinitions) -> dict[str, Any]:
    """`/v1/definitions/…`; `not_found` for any other route, as below."""
    named = request.parameters
    match request.route:
        case "GET /v1/definitions/{kind}":
            return manage.all_of(named["kind"])
        case "GET /v1/definitions/{kind}/{id}":
            return manage.one(named["kind"], named["id"])
        case "GET /v1/definitions/{kind}/{id}/versions":
            return manage.past(named["kind"], named["id"])
        case "PUT /v1/definitions/{kind}/{id}":
            return manage.put(named["kind"], named["id"], request.body)
        case "DELETE /v1/definitions/{kind}/{id}":
            return manage.delete(named["kind"], named["id"])
        case _:
            raise not_found()


def about_keys(request: Request, manage: ManageDefinitions) -> dict[str, Any]:
    """`/v1/sources/…` and `/v1/channels/…`."""
    named = request.parameters
    match request.route:
        case "POST /v1/sources/{source}/keys":
            return manage.create_key(named["source"], request.body)
        case "GET /v1/sources/{source}/keys":
            return manage.keys_of(named["source"])
        case "DELETE /v1/sources/{source}/keys/{key}":
            return manage.revoke_key(named["source"], named["key"])
        case "PUT /v1/sources/{source}/secrets":
            return manage.put_source_secrets(named["source"], request.body)
        case "POST /v1/channels/{channel}/secrets":
            return manage.create_channel_secret(named["channel"])
        case _:
            raise not_found()


def about_counts(
    request: Request, sizes: ShowSizes, arrivals: ShowArrivals, show_catalog: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """What every compaction of the lake counts; and which fields there are."""
    match request.route:
        case "GET /v1/segments/sizes":
            return sizes(request.query.get("weeks", "0"))
        case "GET /v1/catalog":
            return show_catalog()
        case "GET /v1/ledger":
            return arrivals(request.query.get("since", ""), request.query.get("source", ""))
        case _:
            raise not_found()
