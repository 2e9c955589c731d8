"""The object store port on S3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError, ResponseStreamingError

from shared.adapters.aws.clients import call, error_code
from shared.adapters.object_names import PAGE, check_name, check_put
from shared.domain.errors import Busy, Conflict
from shared.ports import Names, Stored

# A write is conditional on an object that another request is just writing or deleting.
_RACING = frozenset({"ConditionalRequestConflict", "OperationAborted"})
_CONDITION_FAILED = frozenset({"PreconditionFailed", "NoSuchKey"})


class S3Store:
    """`ports.ObjectStore` on one bucket without versions."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def put(self, name: str, body: bytes, *, if_absent: bool = False, if_match: str | None = None) -> str:
        check_put(name, if_absent, if_match)
        condition: dict[str, str] = {}
        if if_absent:
            condition = {"IfNoneMatch": "*"}
        elif if_match is not None:
            condition = {"IfMatch": if_match}
        try:
            answer = call("s3", "put_object", Bucket=self._bucket, Key=name, Body=body, **condition)
        except ClientError as error:
            if error_code(error) in _RACING:
                raise Busy(f"another writer is at {name}") from error
            if condition and error_code(error) in _CONDITION_FAILED:
                raise Conflict(f"{name} is not what it was") from error
            raise
        return str(answer["ETag"])

    def get(self, name: str) -> Stored | None:
        check_name(name)
        try:
            answer = call("s3", "get_object", Bucket=self._bucket, Key=name)
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise
        return Stored(_read(name, answer["Body"]), str(answer["ETag"]))

    def list(self, prefix: str, *, after: str = "") -> Names:
        start = {"StartAfter": after} if after else {}
        answer = call("s3", "list_objects_v2", Bucket=self._bucket, Prefix=prefix, MaxKeys=PAGE, **start)
        names = [str(row["Key"]) for row in answer.get("Contents", ())]
        return Names(names, names[-1] if answer["IsTruncated"] else None)

    def delete(self, names: Sequence[str]) -> None:
        for name in names:
            check_name(name)
        for start in range(0, len(names), PAGE):
            keys = [{"Key": name} for name in names[start : start + PAGE]]
            answer = call("s3", "delete_objects", Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
            if failed := answer.get("Errors"):
                raise Busy(f"{len(failed)} objects were not deleted: {failed[0]['Code']}")


def _read(name: str, body: Any) -> bytes:
    """The whole of an answer's body; Busy when the connection dies on the way."""
    try:
        return bytes(body.read())
    except (HTTPClientError, IncompleteReadError, ResponseStreamingError) as error:
        raise Busy(f"the answer with {name} broke off") from error
