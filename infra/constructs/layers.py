"""The Lambda layers of one stack."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import packaging
from infra.config import EnvironmentConfig

RUNTIME = lambda_.Runtime.PYTHON_3_13
WHAT = {
    "core": "Attune's own package and the libraries it uses",
    "powertools": "Powertools for AWS Lambda: logs and metrics",
    "admission": "What tracking plans and telephone numbers need: jsonschema-rs, phonenumbers",
    "duckdb": "DuckDB, which compacts the lake",
    "ml": "Attune's training and the libraries it uses: pandas, scikit-learn",
}


class StackLayers:
    """The layers of one stack, each instantiated when a function of this stack first carries it.

    Never hand them to another stack: that would export the version, and the next change of the layer could not be
    deployed while the other stack still imports it.
    """

    def __init__(self, stack: Construct, config: EnvironmentConfig) -> None:
        packaging.build(config.target)
        self._stack, self._target = stack, config.target
        self._made: dict[str, lambda_.ILayerVersion] = {}

    def of(self, function: str) -> list[lambda_.ILayerVersion]:
        """Return what `function` carries (`infra/packaging.py` says which)."""
        return [self._made.get(name) or self._make(name) for name in packaging.layers_of(function)]

    def _make(self, name: str) -> lambda_.ILayerVersion:
        self._made[name] = lambda_.LayerVersion(
            self._stack,
            f"{name.title()}Layer",
            description=WHAT[name],
            code=lambda_.Code.from_asset(
                str(packaging.archive(self._target, name)), asset_hash=packaging.asset_hash(self._target, name)
            ),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )
        return self._made[name]
