"""manage_privacy: what people ask about their data."""

from __future__ import annotations

from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.secrets_manager import SecretText
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings import ManagePrivacySettings
from attune.use_cases.manage_privacy import ManagePrivacy


def manage_privacy(settings: ManagePrivacySettings) -> ManagePrivacy:
    """Only reads."""
    return ManagePrivacy(
        requests=DynamoPrivacyRequests(client("dynamodb"), settings.privacy_requests_table),
        admin_key=SecretText(client("secretsmanager"), settings.admin_secret, clock=now).value,
    )
