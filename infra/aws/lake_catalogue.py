"""The lake for Athena: a Glue table per kind of fact over its Parquet parts, and a workgroup with a bound."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3

from infra.aws.stages import Stage as StageRow
from shared.domain.facts.layout import PARTS
from shared.domain.facts.schema import KINDS, columns

# What a single query may read: a mistake costs five US cents at most.
QUERY_BYTES = 10_000_000_000
_TYPES = {"VARCHAR": "string", "BIGINT": "bigint", "BOOLEAN": "boolean", "DOUBLE": "double"}
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


def lake_catalogue(stack: Stack, stage: StageRow, bucket: s3.Bucket) -> None:
    """Days are projected, so that no crawler has to find new ones. Facts are here from their compaction on: a busy
    day's within the hour, a quiet day's by the next morning."""
    database = stage.named("lake").replace("-", "_")
    made = glue.CfnDatabase(
        stack,
        "LakeDatabase",
        catalog_id=stack.account,
        database_input=glue.CfnDatabase.DatabaseInputProperty(name=database, description="Facts, compacted"),
    )
    for kind in KINDS:
        place = f"s3://{bucket.bucket_name}/{PARTS}/{kind}/"
        table = glue.CfnTable(
            stack,
            f"Lake{kind.title().replace('_', '')}",
            catalog_id=stack.account,
            database_name=database,
            table_input=glue.CfnTable.TableInputProperty(
                # `order` is a word of SQL's own.
                name=f"{kind}_versions",
                description=f"Versions of {kind} facts: the greatest version of each fact_id counts",
                table_type="EXTERNAL_TABLE",
                parameters={
                    "classification": "parquet",
                    "projection.enabled": "true",
                    "projection.dt.type": "date",
                    "projection.dt.format": "yyyy-MM-dd",
                    "projection.dt.range": "2015-01-01,NOW+1DAY",
                    "storage.location.template": f"{place}dt=${{dt}}/",
                },
                partition_keys=[glue.CfnTable.ColumnProperty(name="dt", type="string")],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[
                        glue.CfnTable.ColumnProperty(name=name, type=_TYPES[type_])
                        for name, type_ in columns(kind).items()
                    ],
                    location=place,
                    input_format=f"{_PARQUET}.MapredParquetInputFormat",
                    output_format=f"{_PARQUET}.MapredParquetOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=f"{_PARQUET}.serde.ParquetHiveSerDe"
                    ),
                ),
            ),
        )
        table.add_resource_dependency(made)
    athena.CfnWorkGroup(
        stack,
        "LakeWorkgroup",
        name=stage.named("lake"),
        description="Questions to the lake",
        recursive_delete_option=True,
        work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
            enforce_work_group_configuration=True,
            bytes_scanned_cutoff_per_query=QUERY_BYTES,
            publish_cloud_watch_metrics_enabled=True,
            result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                output_location=f"s3://{bucket.bucket_name}/athena/",
                encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                    encryption_option="SSE_S3"
                ),
            ),
        ),
    )
