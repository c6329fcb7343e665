"""The Lambda layers of one stack."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import packaging
from infra.config import EnvironmentConfig
from infra.constructs.python_function import RUNTIME

WHAT = {
    "core": "Attune's own package and the libraries it uses",
    "powertools": "Powertools for AWS Lambda and the X-Ray SDK",
}


def build_layers(stack: Construct, config: EnvironmentConfig) -> list[lambda_.ILayerVersion]:
    """Instantiate every layer in this stack.

    Never hand them to another stack: that would export the version, and the next change of the layer could not be
    deployed while the other stack still imports it.
    """
    folders = packaging.build(config.target)
    return [
        lambda_.LayerVersion(
            stack,
            f"{name.title()}Layer",
            description=WHAT[name],
            code=lambda_.Code.from_asset(
                str(folder), asset_hash=packaging.asset_hash(config.target, name), exclude=["**/.*"]
            ),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )
        for name, folder in folders.items()
    ]
