"""The HTTP API: its routes to the doors, its log and its limits."""

from __future__ import annotations

import json

from aws_cdk import (
    Acknowledgment,
    CfnOutput,
    Stack,
    Validations,
)
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration

from infra.aws.naming import camel, log_group
from infra.aws.stages import Stage
from infra.catalogue import DOORS, Http

# What an attack or a runaway till may cost us at most; a chain's busiest minute is a tenth of it.
REQUESTS_PER_SECOND = 500

# No address, no path: a reader of this log learns nothing about a person.
ACCESS_LOG = {
    "at": "$context.requestTime",
    "request": "$context.requestId",
    "route": "$context.routeKey",
    "status": "$context.status",
    "ms": "$context.responseLatency",
    "bytes": "$context.responseLength",
    "error": "$context.integrationErrorMessage",
}


def routes(stack: Stack, stage: Stage, api: apigateway.HttpApi, functions: dict[str, lambda_.Function]) -> None:
    for door in DOORS:
        if isinstance(door.trigger, Http):
            integration = HttpLambdaIntegration(camel(door.name), functions[door.name])
            for route in door.trigger.routes:
                method, path = route.split(" ")
                api.add_routes(path=path, methods=[apigateway.HttpMethod[method]], integration=integration)
    # Under this prefix AWS delivers without an entry in the account's log policy, which has room for few.
    access_log = log_group(stack, stage, "ApiLog", f"/aws/vendedlogs/kq/{stage.name}/api")
    apigateway.CfnStage(
        stack,
        "DefaultStage",
        api_id=api.api_id,
        stage_name="$default",
        auto_deploy=True,
        access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=access_log.log_group_arn, format=json.dumps(ACCESS_LOG)
        ),
        default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
            throttling_rate_limit=REQUESTS_PER_SECOND, throttling_burst_limit=2 * REQUESTS_PER_SECOND
        ),
    )
    Validations.of(api).acknowledge(
        Acknowledgment(
            id="AwsSolutions-APIG4",
            reason="Doors authenticate themselves: every refusal is a problem document, roles are checked per "
            "route from one table, and no authorizer cache can leak a role. Health and description are public.",
        )
    )
    CfnOutput(stack, "Url", value=api.api_endpoint)
