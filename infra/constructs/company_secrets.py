"""The four secrets of a deployment."""

from aws_cdk import SecretValue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.guardrails import acknowledge


class CompanySecrets(Construct):
    """Two generated keys, and two maps that the API fills: who signs to us, and how we sign."""

    def __init__(self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self._config, self._key = config, key
        generated = secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True)
        theirs = "set through the API to what the other side uses; only the other side can change it"
        self.identity = self._secret(
            "Identity",
            "The key of every identity hash: losing or changing it splits every customer",
            "never rotated: every identity key is a hash under this secret",
            generated=generated,
        )
        self.admin = self._secret(
            "Admin",
            "The administrator's API key",
            "rotated by an operator, who must hand out the new key; a schedule would lock everyone out",
            generated=generated,
        )
        self.webhooks = self._secret("Webhooks", "What signs incoming webhooks, by source", theirs)
        self.channels = self._secret("Channels", "What signs outgoing webhooks, by channel", theirs)

    def _secret(
        self,
        name: str,
        description: str,
        why_no_rotation: str,
        *,
        generated: secretsmanager.SecretStringGenerator | None = None,
    ) -> secretsmanager.Secret:
        # An empty map where nothing is generated: there is nothing secret in the template.
        secret = secretsmanager.Secret(
            self,
            name,
            description=description,
            encryption_key=self._key,
            removal_policy=self._config.removal_policy,
            generate_secret_string=generated,
            secret_string_value=None if generated else SecretValue.unsafe_plain_text("{}"),
        )
        acknowledge(secret, "AwsSolutions-SMG4", why_no_rotation)
        return secret
