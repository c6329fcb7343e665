"""How every function is configured."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from attune.runtime import settings
from tests.infra.templates import Resource, Templates

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
AREAS = [import_module(f"{settings.__name__}.{module.name}") for module in iter_modules(settings.__path__)]
FOR_ALL = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL"}


def _variables(function: Resource) -> dict[str, object]:
    variables: dict[str, object] = function.properties["Environment"]["Variables"]
    return variables


def test_every_folder_under_functions_is_deployed_and_nothing_else(templates: Templates) -> None:
    assert sorted(templates.functions()) == sorted(path.parent.name for path in FUNCTIONS.glob("*/handler.py"))


def test_functions_run_on_arm_with_one_python_and_are_traced(templates: Templates) -> None:
    for function in templates.functions().values():
        assert function.properties["Architectures"] == ["arm64"], function
        assert function.properties["Runtime"] == "python3.13", function
        assert function.properties["Handler"] == "handler.handler", function
        assert function.properties["TracingConfig"] == {"Mode": "Active"}, function


def test_every_function_has_its_own_log_group_that_forgets(templates: Templates) -> None:
    groups = {str(group): group for group in templates.of("AWS::Logs::LogGroup")}
    used = []
    for function in templates.functions().values():
        logging = function.properties["LoggingConfig"]
        assert logging["LogFormat"] == "JSON", function
        used.append(templates.target(logging["LogGroup"], function.stack))
    assert len(set(used)) == len(used)
    assert set(used) <= set(groups)
    for group in groups.values():
        assert 1 <= group.properties["RetentionInDays"] <= 30, group


def test_no_two_functions_share_a_role(templates: Templates) -> None:
    roles = [templates.role_of(function) for function in templates.functions().values()]
    assert len(set(roles)) == len(roles)


def test_no_layer_is_handed_from_stack_to_stack(templates: Templates) -> None:
    for function in templates.functions().values():
        for layer in function.properties["Layers"]:
            assert templates.target(layer, function.stack).startswith(f"{function.stack}/"), function


def test_the_environment_holds_exactly_what_the_settings_of_the_function_read(templates: Templates) -> None:
    for name, function in templates.functions().items():
        class_name = f"{name.title().replace('_', '')}Settings"
        [settings_class] = {getattr(area, class_name) for area in AREAS if hasattr(area, class_name)}
        read = {field.upper() for field in settings_class.__struct_fields__}
        assert set(_variables(function)) - FOR_ALL == read, name


def test_a_variable_that_names_a_secret_holds_its_arn_only(templates: Templates) -> None:
    secrets = {str(secret) for secret in templates.of("AWS::SecretsManager::Secret")}
    for name, function in templates.functions().items():
        for variable, value in _variables(function).items():
            if re.search("SECRET|KEY|TOKEN|PASSWORD", variable):
                assert templates.target(value, function.stack) in secrets, (name, variable)
            else:
                assert templates.target(value, function.stack) not in secrets, (name, variable)


def test_only_the_local_cloud_lets_webhooks_reach_private_addresses(
    templates: Templates, local_templates: Templates
) -> None:
    assert _variables(templates.functions()["deliver_messages"])["ALLOWED_ADDRESSES"] == ""
    assert _variables(local_templates.functions()["deliver_messages"])["ALLOWED_ADDRESSES"] == "127.0.0.0/8,::1/128"


def test_the_local_cloud_gets_the_same_functions_with_the_same_environment(
    templates: Templates, local_templates: Templates
) -> None:
    on_aws = {name: sorted(_variables(function)) for name, function in templates.functions().items()}
    here = {name: sorted(_variables(function)) for name, function in local_templates.functions().items()}
    assert here == on_aws


def test_a_wake_up_run_ends_before_the_next_one_starts(templates: Templates) -> None:
    assert templates.functions()["wake_profiles"].properties["Timeout"] < 60
    rule = templates.named("ProcessingEveryMinute", "AWS::Events::Rule")
    assert rule.properties["ScheduleExpression"] == "rate(1 minute)"
    assert rule.properties["State"] == "ENABLED"
