"""Salesforce's SOAP, read as if an attacker wrote it: no DTD, no entities, UTF-8 only, bounded depth and parts."""

from __future__ import annotations

from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, TreeBuilder, tostring

import msgspec

from attune.sources.payloads import KB, UnreadableError
from attune.sources.webhooks import Acknowledgement

MAX_NOTIFICATIONS: Final = 100
MAX_DEPTH: Final = 16
#: elements of one message: 100 notifications of 200 fields
MAX_PARTS: Final = 20_000
#: bytes of one notification by itself: as many as a call has, which a record of the stream carries
MAX_ALONE: Final = 500 * KB

_SOAP: Final = "{http://schemas.xmlsoap.org/soap/envelope/}"
_OUTBOUND: Final = "{http://soap.sforce.com/2005/09/outbound}"
_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}"

_ANSWER: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>{}</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)
STORED: Final = Acknowledgement(text=_ANSWER.format("true"), content_type="text/xml; charset=utf-8")
NOT_STORED: Final = Acknowledgement(text=_ANSWER.format("false"), content_type="text/xml; charset=utf-8")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What one call brings: notifications as they stand in it."""

    organization_id: str
    notifications: tuple[Element, ...]


def read_message(body: bytes) -> Message:
    """Raises `UnreadableError`: `invalid_xml`, `too_deep`, `too_many_items`, `invalid_event` for any other document."""
    outbound = _parsed(body).find(f"{_SOAP}Body/{_OUTBOUND}notifications")
    if outbound is None:
        raise UnreadableError("invalid_event")
    notifications = outbound.findall(f"{_OUTBOUND}Notification")
    if len(notifications) > MAX_NOTIFICATIONS:
        raise UnreadableError("too_many_items")
    organization_id = _text(outbound, f"{_OUTBOUND}OrganizationId")
    return Message(organization_id=organization_id, notifications=tuple(notifications))


def document_of(notification: Element) -> dict[str, Any]:
    """`{object, notification_id, fields}`: the kind of record, such as `Contact`; fields are text, null or objects."""
    record = notification.find(f"{_OUTBOUND}sObject")
    kind = "" if record is None else record.get(f"{_XSI}type", "")
    return {
        "object": kind.rpartition(":")[2],
        "notification_id": _text(notification, f"{_OUTBOUND}Id"),
        "fields": {} if record is None else _fields(record),
    }


def alone(message: Message, notification: Element) -> bytes:
    """A message of one notification, which reads as it does among others. Salesforce's session id stays out of it."""
    envelope = Element(f"{_SOAP}Envelope")
    outbound = SubElement(SubElement(envelope, f"{_SOAP}Body"), f"{_OUTBOUND}notifications")
    SubElement(outbound, f"{_OUTBOUND}OrganizationId").text = message.organization_id
    outbound.append(notification)
    return bytes(tostring(envelope, encoding="utf-8"))


class _BoundedBuilder(TreeBuilder):
    """A tree that stops growing in time."""

    def __init__(self) -> None:
        super().__init__()
        self._deep = 0
        self._parts = 0

    def start(self, tag: Any, attributes: Any, /) -> Any:
        self._deep += 1
        self._parts += 1
        if self._deep > MAX_DEPTH:
            raise UnreadableError("too_deep")
        if self._parts > MAX_PARTS:
            raise UnreadableError("too_many_items")
        return super().start(tag, attributes)

    def end(self, tag: Any, /) -> Any:
        self._deep -= 1
        return super().end(tag)


def _parsed(body: bytes) -> Element:
    """UTF-8 is what Salesforce sends; whatever else a document declares, it is read as that, or not at all."""
    # Late, because it brings a second ElementTree, for which no other webhook should wait.
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser

    if b"\0" in body:  # by which the parser knows UTF-16, whatever it is told
        raise UnreadableError("invalid_xml")
    parser = DefusedXMLParser(target=_BoundedBuilder(), encoding="utf-8", forbid_dtd=True)
    try:
        parser.feed(body.decode("utf-8"))
        root = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise UnreadableError("invalid_xml") from None
    if not isinstance(root, Element):
        raise UnreadableError("invalid_xml")
    return root


def _text(parent: Element, name: str) -> str:
    return (parent.findtext(name) or "").strip()


def _fields(record: Element) -> dict[str, Any]:
    """By name without namespace. Salesforce says some fields twice; several values of one become a list."""
    found: dict[str, list[Any]] = {}
    for element in record:
        value = _value(element)
        values = found.setdefault(element.tag.rpartition("}")[2], [])
        if value is not None and (not values or value != values[-1]):
            values.append(value)
    return {name: values if len(values) > 1 else next(iter(values), None) for name, values in found.items()}


def _value(element: Element) -> Any:
    return _fields(element) if len(element) else (element.text or "").strip() or None
