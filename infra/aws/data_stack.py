"""The data stack: what must survive any change of the code: the table, the bucket and the identity key."""

from __future__ import annotations

from aws_cdk import Acknowledgment, CfnOutput, Duration, Environment, RemovalPolicy, Stack, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.aws.lake_catalogue import lake_catalogue
from infra.aws.stages import REGION, Stage

DUE_INDEX = "due"
# Where Lambda puts the batches of a stream that it gives up, and Athena its results.
GIVEN_UP = "aws/lambda/"
ATHENA = "athena/"


class DataStack(Stack):
    """Table, bucket and secret of one stage; in a stage that keeps its data, retained and protected."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(
            scope,
            stage.named("data"),
            description=f"Khach Quen {stage.name}: the data",
            env=Environment(region=REGION),
            termination_protection=stage.keeps_data,
        )
        self._fate = RemovalPolicy.RETAIN if stage.keeps_data else RemovalPolicy.DESTROY
        self.table = self._table(stage)
        self.bucket = self._bucket()
        lake_catalogue(self, stage, self.bucket)
        self.identity = self._identity(stage)
        self.channels = self._channels(stage)
        CfnOutput(self, "TableName", value=self.table.table_name)

    def _table(self, stage: Stage) -> dynamodb.Table:
        def text(name: str) -> dynamodb.Attribute:
            return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)

        table = dynamodb.Table(
            self,
            "Table",
            table_name=stage.named("table"),
            partition_key=text("pk"),
            sort_key=text("sk"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            time_to_live_attribute="ttl",
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True, recovery_period_in_days=stage.backup_days
            ),
            deletion_protection=stage.keeps_data,
            removal_policy=self._fate,
        )
        # Keys only: a sweep takes its row by a conditional write anyway, and every projected attribute costs a write.
        table.add_global_secondary_index(
            index_name=DUE_INDEX,
            partition_key=text("due"),
            sort_key=text("due_at"),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        return table

    def _bucket(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Lake",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            encryption=s3.BucketEncryption.S3_MANAGED,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    # As long as the table's backups at most: a slip can be undone, an erasure becomes complete.
                    noncurrent_version_expiration=Duration.days(14),
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                ),
                # Changes that could not be read hold whole items: as short as dead letters. Lambda keeps the batches
                # it gives up under a folder of its own choice.
                *(s3.LifecycleRule(prefix=folder, expiration=Duration.days(14)) for folder in ("failed/", GIVEN_UP)),
                s3.LifecycleRule(prefix=ATHENA, expiration=Duration.days(7)),
            ],
            removal_policy=self._fate,
        )
        Validations.of(bucket).acknowledge(
            Acknowledgment(
                id="AwsSolutions-S1",
                reason="Only functions of this app read or write here, and what they write names nobody; a log of "
                "every object request would cost more than the lake and be read by no one.",
            )
        )
        return bucket

    def _identity(self, stage: Stage) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "Identity",
            secret_name=f"kq/{stage.name}/identity",
            description="Key of the HMAC under which a phone number or any other identity is filed",
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
            removal_policy=self._fate,
        )
        Validations.of(secret).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SMG4",
                reason="Every identity link is filed under this key; an automatic rotation would lose every customer. "
                "A new key is a planned re-keying of the links.",
            )
        )
        return secret

    def _channels(self, stage: Stage) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "Channels",
            secret_name=f"kq/{stage.name}/channels",
            description="Provider accounts as one JSON object, put in by hand: shared/runtime/factories/channels.py",
            # An object from the start, so that a stage without accounts works and just has no channels.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - an empty object
                generate_string_key="unused",
            ),
            removal_policy=self._fate,
        )
        Validations.of(secret).acknowledge(
            Acknowledgment(
                id="AwsSolutions-SMG4",
                reason="The keys in it are issued and renewed by the providers; Secrets Manager cannot rotate them.",
            )
        )
        return secret
