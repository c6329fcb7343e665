"""GET /v1/ledger/verify: whether the ledger is as it was written, part by part, for the admin key."""

from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.management import VerifyLedgerSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.verify_ledger import verify_ledger

verify = verify_ledger(VerifyLedgerSettings.from_env())


def answer(request: Request) -> Response:
    """Who is not the admin learns nothing of what exists."""
    verify.authorise(bearer(request.headers))
    match request.route:
        case "GET /v1/ledger/verify":
            return Response(body=verify(request.query))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("verify_ledger"), answer)
