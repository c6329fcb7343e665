"""Gives the deployed resources what the emulator's CloudFormation drops from their templates.

What to repair is read from the synthesized templates, so a new table or function needs no word here. Only
settings with an effect on the local cloud are repaired; tests/infra judges the templates themselves.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3

from local.deploy import templates
from local.state import LocalCloudError, client_settings

type Properties = dict[str, Any]


def repair(assembly: Path, address: str) -> list[str]:
    """Repair every stack of the assembly; says what was repaired. Repairing twice changes nothing.

    To be called before the first request: a generated secret may be replaced.
    """
    cloudformation = boto3.client("cloudformation", **client_settings(address))
    done: list[str] = []
    for stack, resources in templates(assembly):
        listed = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in listed}
        for logical, resource in resources.items():
            apply = _REPAIRS.get(resource["Type"])
            if apply is not None:
                applied = apply(address, physical[logical], resource.get("Properties", {}))
                done.extend(f"{logical}: {what}" for what in applied)
    return done


def _repair_api(address: str, api_id: str, properties: Properties) -> Iterator[str]:
    cors = properties.get("CorsConfiguration")
    if cors:
        client = boto3.client("apigatewayv2", **client_settings(address))
        client.update_api(ApiId=api_id, CorsConfiguration=_literal(cors, "CorsConfiguration"))
        yield "CORS"


def _repair_table(address: str, table: str, properties: Properties) -> Iterator[str]:
    specification = properties.get("TimeToLiveSpecification")
    if not specification or not specification.get("Enabled"):
        return
    client = boto3.client("dynamodb", **client_settings(address))
    status = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if status["TimeToLiveStatus"] == "DISABLED":
        wanted = _literal(specification, "TimeToLiveSpecification")
        client.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)
        yield "TTL"


def _repair_function(address: str, function: str, properties: Properties) -> Iterator[str]:
    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        client = boto3.client("lambda", **client_settings(address))
        client.put_function_concurrency(
            FunctionName=function, ReservedConcurrentExecutions=_literal(reserved, "reserved concurrency")
        )
        yield "reserved concurrency"


def _repair_secret(address: str, secret: str, properties: Properties) -> Iterator[str]:
    generator = properties.get("GenerateSecretString", {})
    if not generator.get("ExcludePunctuation") or "SecretStringTemplate" in generator:
        return
    client = boto3.client("secretsmanager", **client_settings(address))
    value = client.get_secret_value(SecretId=secret)["SecretString"]
    if not value.isalnum():
        length = generator.get("PasswordLength", 32)
        fresh = client.get_random_password(PasswordLength=length, ExcludePunctuation=True)["RandomPassword"]
        client.put_secret_value(SecretId=secret, SecretString=fresh)
        yield "secret without punctuation"


_REPAIRS: dict[str, Callable[[str, str, Properties], Iterator[str]]] = {
    "AWS::ApiGatewayV2::Api": _repair_api,
    "AWS::DynamoDB::GlobalTable": _repair_table,
    "AWS::DynamoDB::Table": _repair_table,
    "AWS::Lambda::Function": _repair_function,
    "AWS::SecretsManager::Secret": _repair_secret,
}


def _literal(value: Any, what: str) -> Any:
    """The value, if it holds no reference that only CloudFormation could resolve."""
    if "'Ref'" in repr(value) or "'Fn::" in repr(value):
        raise LocalCloudError(f"{what} holds a reference ({value}); the local repair knows literals only")
    return value
