"""How functions are fed, and where goes what cannot be processed."""

import json

from tests.infra.templates import Resource, Templates

FAILURES = "attune-production-data/Failures8A3E1A2F"
HOUR = 3600


def _mapping(templates: Templates, source: str) -> Resource:
    [found] = [
        mapping
        for mapping in templates.of("AWS::Lambda::EventSourceMapping")
        if source in templates.target(mapping.properties["EventSourceArn"], mapping.stack)
    ]
    return found


def _stream_mappings(templates: Templates) -> list[Resource]:
    return [_mapping(templates, "EventsD32975C2"), _mapping(templates, "TablesProfiles742D2D94:stream")]


def test_every_mapping_reports_failures_item_by_item(templates: Templates) -> None:
    mappings = templates.of("AWS::Lambda::EventSourceMapping")
    assert len(mappings) == 3
    for mapping in mappings:
        assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"], mapping


def test_every_stream_is_read_from_the_start_with_finite_retries_into_s3(templates: Templates) -> None:
    for mapping in _stream_mappings(templates):
        properties = mapping.properties
        assert properties["StartingPosition"] == "TRIM_HORIZON", mapping
        assert properties["BisectBatchOnFunctionError"] is True, mapping
        assert 10 <= properties["MaximumRetryAttempts"] <= 10_000, mapping
        destination = properties["DestinationConfig"]["OnFailure"]["Destination"]
        assert templates.target(destination, mapping.stack) == FAILURES, mapping
        assert properties["MaximumBatchingWindowInSeconds"] == 1, mapping


def test_a_batch_is_given_up_after_most_of_a_day_but_before_its_source_forgets_it(templates: Templates) -> None:
    events, changes = _stream_mappings(templates)
    [stream] = templates.of("AWS::Kinesis::Stream")
    retention = stream.properties["RetentionPeriodHours"] * HOUR
    assert 12 * HOUR <= events.properties["MaximumRecordAgeInSeconds"] < retention
    assert 12 * HOUR <= changes.properties["MaximumRecordAgeInSeconds"] < 24 * HOUR


def test_events_come_in_batches_of_500(templates: Templates) -> None:
    mapping = _mapping(templates, "EventsD32975C2")
    assert mapping.properties["BatchSize"] == 500
    assert 1 <= mapping.properties["ParallelizationFactor"] <= 10


def test_campaigns_see_only_writes_that_carry_changes(templates: Templates) -> None:
    [criterion] = _mapping(templates, "TablesProfiles742D2D94:stream").properties["FilterCriteria"]["Filters"]
    assert json.loads(criterion["Pattern"]) == {"dynamodb": {"NewImage": {"outbox": {"S": [{"exists": True}]}}}}


def test_a_message_stays_hidden_for_six_times_its_function_s_time_limit(templates: Templates) -> None:
    queue = templates.named("CampaigningDeliveriesQueue8", "AWS::SQS::Queue")
    timeout = templates.functions()["deliver_messages"].properties["Timeout"]
    assert queue.properties["VisibilityTimeout"] >= 6 * timeout
    assert queue.properties["RedrivePolicy"]["maxReceiveCount"] == 12


def test_every_queue_is_tls_only_and_ends_in_dead_letters_with_an_alarm(templates: Templates) -> None:
    queues = {str(queue): queue for queue in templates.of("AWS::SQS::Queue")}
    watched = {
        templates.target(dimension["Value"], alarm.stack)
        for alarm in templates.of("AWS::CloudWatch::Alarm")
        for dimension in alarm.properties.get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }
    names = {
        templates.target({"Fn::GetAtt": [queue.logical_id, "QueueName"]}, queue.stack): address
        for address, queue in queues.items()
    }
    ends = set()
    for address, queue in queues.items():
        redrive = queue.properties.get("RedrivePolicy")
        if redrive is None:
            ends.add(address)
            assert queue.properties["MessageRetentionPeriod"] == 14 * 24 * HOUR, address
        else:
            assert templates.target(redrive["deadLetterTargetArn"], queue.stack) in queues, address
    assert len(watched) == len(ends) == 2, (watched, names)
    policies = {
        templates.target(each, policy.stack)
        for policy in templates.of("AWS::SQS::QueuePolicy")
        for each in policy.properties["Queues"]
        if "aws:SecureTransport" in json.dumps(policy.properties["PolicyDocument"])
    }
    assert policies == set(queues)


def test_a_failed_batch_leaves_a_notice(templates: Templates) -> None:
    rule = templates.named("FailedBatchesArrival", "AWS::Events::Rule")
    pattern = rule.properties["EventPattern"]
    assert pattern["source"] == ["aws.s3"]
    [bucket] = pattern["detail"]["bucket"]["name"]
    assert templates.target(bucket, rule.stack) == FAILURES
    failures = templates.named("Failures", "AWS::S3::Bucket").properties
    assert failures["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"] is True


def test_the_lake_is_gzipped_by_hour_on_aws_and_plain_where_nothing_compresses(
    templates: Templates, local_templates: Templates
) -> None:
    def destination(found: Templates) -> dict[str, object]:
        [stream] = found.of("AWS::KinesisFirehose::DeliveryStream")
        settings: dict[str, object] = stream.properties["ExtendedS3DestinationConfiguration"]
        return settings

    aws, local = destination(templates), destination(local_templates)
    assert aws["Prefix"] == local["Prefix"] == "events/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    assert (aws["CompressionFormat"], aws["FileExtension"]) == ("GZIP", ".json.gz")
    assert local["CompressionFormat"] == "UNCOMPRESSED"
    assert "FileExtension" not in local
