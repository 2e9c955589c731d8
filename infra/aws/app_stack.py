"""The app stack: everything that can be thrown away and built again: functions, API, queues, schedules, alarms."""

from __future__ import annotations

from aws_cdk import (
    Environment,
    Stack,
)
from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra.aws import layer
from infra.aws.alarms import alarms
from infra.aws.api import routes
from infra.aws.data_stack import DataStack
from infra.aws.functions import Functions
from infra.aws.inbound_mail import inbound_mail
from infra.aws.queues import queues
from infra.aws.schedules import schedules
from infra.aws.stages import REGION, Stage
from infra.catalogue import DOORS


class AppStack(Stack):
    """The plan of `infra/catalogue.py`, part by part.

    All parts are constructs of the stack itself, because their ids name what is deployed: a queue that moved into a
    construct of its own would be replaced.
    """

    def __init__(self, scope: Construct, stage: Stage, data: DataStack, target: layer.Target) -> None:
        super().__init__(
            scope,
            stage.named("app"),
            description=f"Khach Quen {stage.name}: the doors",
            env=Environment(region=REGION),
        )
        waiting = queues(self, stage)
        # Before the functions, some of which have to know its address.
        api = apigateway.HttpApi(
            self, "Api", api_name=f"kq-{stage.name}", create_default_stage=False, description="Khach Quen"
        )
        build = Functions(self, stage, data, waiting, api.api_endpoint, target)
        functions = {door.name: build.function(door) for door in DOORS}
        routes(self, stage, api, functions)
        if stage.inbound_mail:
            inbound_mail(self, stage, stage.inbound_mail, api.api_endpoint, waiting.dead_letters["events"])
        schedules(self, stage, functions, waiting.ticks)
        alarms(self, stage, api, functions, waiting)
