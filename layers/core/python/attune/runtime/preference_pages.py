"""The pages behind a preference link: plain HTML that needs no script, loads nothing and tells nobody where it was.

They name nobody: who holds the link sees what may be done with their data, and no address or name of theirs.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.runtime.http import Response
from attune.runtime.preference_forms import PURPOSE, SEEN

if TYPE_CHECKING:
    from attune.domain.consent.choices import Choice, Standing
    from attune.runtime.telemetry import Handler

#: stable: programs may depend on it
CODE: Final = "attune-code"
_JSON: Final = "application/json"
_OK: Final = 200

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 40rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; }
fieldset { border: 1px solid #767676; border-radius: .5rem; margin: 0 0 1rem; padding: .75rem 1rem; }
legend { font-weight: 600; padding: 0 .25rem; }
fieldset p { margin: 0 0 .5rem; }
label { display: inline-block; padding: .5rem 1.5rem .5rem 0; }
input { width: 1.25rem; height: 1.25rem; vertical-align: text-bottom; }
button { font: inherit; font-weight: 600; padding: .75rem 1.5rem; }
"""
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="referrer" content="no-referrer">
<meta name="{code_name}" content="{code}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}
_AGAIN: Final = '<p><a href="">See your choices as they are now</a></p>'
#: code → title and text, of pages that show no choices
_TOLD: Final = {
    "nothing_held": (
        "Nothing is held about you",
        "<p>We hold nothing about you under this link. There is nothing to decide.</p>",
    ),
    "invalid_link": (
        "This link does not work",
        "<p>It was cut short or altered on its way. Open it again from the message that it came in.</p>",
    ),
    "link_expired": (
        "This link has expired",
        "<p>Links work for a limited time. Open the one in a newer message, or write to us.</p>",
    ),
    "choices_changed": (
        "Your choices have changed meanwhile",
        "<p>They are not what the page showed when you answered. What you refused is refused; nothing was allowed.</p>"
        + _AGAIN,
    ),
    "unknown_purpose": ("That did not work", "<p>What you answered is not asked any more.</p>" + _AGAIN),
    "invalid_body": ("That did not work", "<p>We could not read your answer. Nothing was changed.</p>" + _AGAIN),
    "too_large": ("That did not work", "<p>We could not read your answer. Nothing was changed.</p>" + _AGAIN),
    "unavailable": (
        "Please try again",
        "<p>Something that we need is out of reach. Please send your answer again in a moment.</p>" + _AGAIN,
    ),
}
_FAILED: Final = ("Something went wrong", "<p>Something went wrong on our side.</p>" + _AGAIN)
_RESTRICTED: Final = (
    "<p>At your request nothing is done with your data at present. Your choices count when that ends.</p>\n"
)
_SUPPRESSED: Final = (
    "<p>At your request we take nothing in about you any more. Here you can refuse what is still allowed. To allow "
    "something again, write to us.</p>\n"
)
_IN_FLIGHT: Final = "<p>One message that was already leaving may still reach you.</p>"
_FORM: Final = """{notes}<p>Here you decide what we may use your data for. You can change it at any time.</p>
<form method="post">
<input type="hidden" name="{seen_name}" value="{seen}">
{fieldsets}
<button type="submit">Save my choices</button>
</form>"""
_FIELDSET: Final = """<fieldset>
<legend>{name}</legend>
{description}<p>{state}</p>
<label><input type="radio" name="{field}" value="yes"{yes}{fixed}> Allow</label>
<label><input type="radio" name="{field}" value="no"{no}> Do not allow</label>
</fieldset>"""


def choices_page(shown: Standing | None) -> Response:
    """The form, with everything as it stands; nothing is chosen beforehand where nobody has decided."""
    if shown is None:
        return _told("nothing_held")
    form = _FORM.format(
        notes=(_RESTRICTED if shown.restricted else "") + (_SUPPRESSED if shown.suppressed else ""),
        seen_name=SEEN,
        seen=escape(shown.seen),
        fieldsets="\n".join(_fieldset(one, suppressed=shown.suppressed) for one in shown.choices),
    )
    return _page("choices", "Your privacy choices", form)


def saved_page(saved: Standing | None) -> Response:
    """How it stands after an answer."""
    if saved is None:
        return _told("nothing_held")
    rows = "\n".join(f"<li>{escape(one.name)}: <strong>{_word(one)}</strong></li>" for one in saved.choices)
    said = "<p>What you refused is refused from now on. What you allowed counts within a minute.</p>"
    said += _IN_FLIGHT if saved.in_flight else ""
    return _page("choices_saved", "Your choices are saved", f"{said}\n<ul>\n{rows}\n</ul>\n{_AGAIN}")


def unsubscribed_page(left: Standing | None) -> Response:
    """What a mail program gets, which shows it to nobody, mostly."""
    if left is None:
        return _told("nothing_held")
    said = "<p>We send you no more e-mail.</p>" + (_IN_FLIGHT if left.in_flight else "")
    return _page("unsubscribed", "You are unsubscribed", f"{said}\n{_AGAIN}")


def in_pages(handler: Handler, routes: frozenset[str]) -> Handler:
    """The handler, with what it refuses on these routes told as a page."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        answer: dict[str, Any] = handler(event, context)
        if event.get("routeKey") not in routes or answer["headers"]["content-type"] != _JSON:
            return answer
        page = _told(str(msgspec.json.decode(answer["body"])["code"]), answer["statusCode"])
        return answer | {"body": page.text, "headers": answer["headers"] | page.headers}

    return handle


def _told(code: str, status: int = _OK) -> Response:
    """What there is to say where there are no choices to show."""
    title, content = _TOLD.get(code, _FAILED)
    return _page(code, title, content, status)


def _page(code: str, title: str, content: str, status: int = _OK) -> Response:
    text = _PAGE.format(code_name=CODE, code=escape(code), title=escape(title), style=_STYLE, content=content)
    return Response(status=status, text=text, headers=_HEADERS | {CODE: code})


def _fieldset(choice: Choice, *, suppressed: bool) -> str:
    description = f"<p>{escape(choice.description)}</p>\n" if choice.description else ""
    notice = f"<p>Privacy notice: {escape(choice.notice)}</p>\n" if choice.notice else ""
    return _FIELDSET.format(
        name=escape(choice.name),
        description=description + notice,
        state=f"Now: <strong>{_word(choice)}</strong>",
        field=escape(PURPOSE + choice.purpose),
        yes=" checked" if choice.decided and choice.allowed else "",
        fixed=" disabled" if suppressed and not choice.allowed else "",
        no=" checked" if choice.decided and not choice.allowed else "",
    )


def _word(choice: Choice) -> str:
    if not choice.decided:
        return "not allowed, because you have not decided"
    return "allowed" if choice.allowed else "not allowed"
