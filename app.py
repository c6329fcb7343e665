"""The CDK application, as the CDK command line runs it (`cdk.json`)."""

from aws_cdk import App

from infra.build import build
from infra.config import config_from

app = App()
build(app, config_from(app))
app.synth()
