"""The table port on DynamoDB: the client interface, and a serialiser for the types that items may hold."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from shared.adapters.aws.clients import call, error_code
from shared.adapters.dynamo_limits import BATCH_KEYS, check_actions, check_key
from shared.adapters.dynamo_wire import Wire, attributes, item_of, to_wire
from shared.domain.common.backoff import exponential, full_jitter
from shared.domain.errors import Busy, Conflict
from shared.ports import Action, Check, Clause, Delete, DueRow, Item, Key, Page, Put, Update

DUE_INDEX = "due"
# A batch read may come back in parts: when it exceeds 16 MB or the table is throttled.
BATCH_ATTEMPTS = 6
# A transaction that lost a race finds the item free again within some milliseconds; a hot partition takes longer.
FIRST_PAUSE = timedelta(milliseconds=25)
LONGEST_PAUSE = timedelta(seconds=1)
# What a function needs to answer after the last try.
TIME_TO_ANSWER = timedelta(milliseconds=500)


def _key(key: Key) -> Wire:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


class _Expression:
    """Collects the placeholders of one request."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: Wire = {}

    def path(self, path: Sequence[str]) -> str:
        return ".".join(self._names.setdefault(name, f"#{len(self._names)}") for name in path)

    def value(self, value: Any) -> str:
        placeholder = f":{len(self._values)}"
        self._values[placeholder] = to_wire(value)
        return placeholder

    def condition(self, clauses: Sequence[Clause]) -> str:
        return " AND ".join(self._clause(clause) for clause in clauses)

    def update(self, update: Update) -> str:
        changes = [f"{self.path(path)} = {self.value(value)}" for path, value in update.set.items()]
        for path, step in update.add.items():
            # DynamoDB's own ADD works on top-level attributes only.
            place = self.path(path)
            changes.append(f"{place} = if_not_exists({place}, {self.value(0)}) + {self.value(step)}")
        parts = []
        if changes:
            parts.append("SET " + ", ".join(changes))
        if update.remove:
            parts.append("REMOVE " + ", ".join(self.path(path) for path in update.remove))
        return " ".join(parts)

    def placeholders(self) -> Wire:
        found: Wire = {}
        if self._names:
            found["ExpressionAttributeNames"] = {alias: name for name, alias in self._names.items()}
        if self._values:
            found["ExpressionAttributeValues"] = self._values
        return found

    def _clause(self, clause: Clause) -> str:
        place = self.path(clause.path)
        if clause.kind == "present":
            return f"attribute_exists({place})"
        if clause.kind == "absent":
            return f"attribute_not_exists({place})"
        if clause.kind == "equals":
            return f"{place} = {self.value(clause.value)}"
        operator = "=" if clause.kind == "absent_or_equals" else "<="
        return f"(attribute_not_exists({place}) OR {place} {operator} {self.value(clause.value)})"


class DynamoTable:
    """`ports.Table` on one DynamoDB table with string keys pk, sk and the keys-only index `due` on due, due_at."""

    def __init__(
        self,
        name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        time_left: Callable[[], timedelta] = lambda: timedelta.max,
    ) -> None:
        """`time_left` is what remains of the invocation; `chance` gives numbers from 0 to 1 for the jitter."""
        self._name = name
        self._sleep = sleep
        self._chance = chance
        self._time_left = time_left

    def pause(self, lost: int) -> bool:
        pause = full_jitter(exponential(FIRST_PAUSE, LONGEST_PAUSE, lost - 1), self._chance())
        if pause > self._time_left() - TIME_TO_ANSWER:
            return False
        self._sleep(pause.total_seconds())
        return True

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        check_key(key)
        wire = _ask("get_item", TableName=self._name, Key=_key(key), ConsistentRead=consistent).get("Item")
        return None if wire is None else item_of(wire)

    def batch_get(self, keys: Iterable[Key], *, consistent: bool = True) -> dict[Key, Item]:
        wanted = iter(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        while batch := list(islice(wanted, BATCH_KEYS)):
            for key in batch:
                check_key(key)
            pending: Wire = {self._name: {"Keys": [_key(key) for key in batch], "ConsistentRead": consistent}}
            for attempt in range(BATCH_ATTEMPTS):
                if attempt and not self.pause(attempt):
                    raise Busy("no time is left to finish a batch read")
                answer = _ask("batch_get_item", RequestItems=pending)
                for wire in answer["Responses"].get(self._name, ()):
                    item = item_of(wire)
                    found[Key(item["pk"], item["sk"])] = item
                pending = answer.get("UnprocessedKeys") or {}
                if not pending:
                    break
            else:
                raise Busy("the table leaves a batch read unfinished")
        return found

    def query(
        self,
        pk: str,
        *,
        low: str = "",
        high: str | None = None,
        start: str | None = None,
        descending: bool = False,
        limit: int | None = None,
        consistent: bool = True,
    ) -> Page:
        check_key(Key(pk, "any"))
        if limit is not None and limit < 1:
            raise ValueError("a page has at least one item")
        # DynamoDB refuses crossed bounds, and a start outside of them.
        if high is not None and low > high:
            return Page([], None)
        if start is not None:
            if descending:
                exhausted, before = start <= low, high is not None and start > high
            else:
                exhausted, before = high is not None and start >= high, not start or start < low
            if exhausted:
                return Page([], None)
            if before:
                start = None
        values = {":pk": pk, ":low": low, ":high": high}
        bounds = "sk BETWEEN :low AND :high" if low and high is not None else "sk >= :low" if low else "sk <= :high"
        condition = "pk = :pk" if not low and high is None else f"pk = :pk AND {bounds}"
        more: Wire = {}
        if start is not None:
            more["ExclusiveStartKey"] = _key(Key(pk, start))
        if limit is not None:
            more["Limit"] = limit
        answer = _ask(
            "query",
            TableName=self._name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items() if value},
            ScanIndexForward=not descending,
            ConsistentRead=consistent,
            **more,
        )
        last = answer.get("LastEvaluatedKey")
        return Page([item_of(wire) for wire in answer["Items"]], last["sk"]["S"] if last else None)

    def due(self, lane: str, until: str, *, limit: int = 100) -> list[DueRow]:
        if not lane or not until or limit < 1:
            raise ValueError("a due query names a lane, a moment and at least one row")
        rows: list[DueRow] = []
        more: Wire = {}
        # One request unless the rows pass 1 MB.
        while len(rows) < limit:
            answer = _ask(
                "query",
                TableName=self._name,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due = :lane AND due_at <= :until",
                ExpressionAttributeValues={":lane": {"S": lane}, ":until": {"S": until}},
                Limit=limit - len(rows),
                **more,
            )
            rows += [DueRow(Key(row["pk"]["S"], row["sk"]["S"]), row["due_at"]["S"]) for row in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return rows

    def write(self, *actions: Action) -> Item | None:
        check_actions(actions)
        requests = [self._request(action) for action in actions]
        if len(requests) > 1 or isinstance(actions[0], Check):
            _ask("transact_write_items", TransactItems=requests)
            return None
        ((kind, parameters),) = requests[0].items()
        if kind == "Update":
            answer = _ask("update_item", ReturnValues="ALL_NEW", **parameters)
            return item_of(answer["Attributes"])
        _ask("put_item" if kind == "Put" else "delete_item", **parameters)
        return None

    def _request(self, action: Action) -> Wire:
        """The action as a member of a transaction, whose inside is also the request of a plain write."""
        expression = _Expression()
        parameters: Wire = {"TableName": self._name}
        if isinstance(action, Put):
            parameters["Item"] = attributes(action.item)
        else:
            parameters["Key"] = _key(action.key)
        if isinstance(action, Update):
            parameters["UpdateExpression"] = expression.update(action)
        if action.when:
            parameters["ConditionExpression"] = expression.condition(action.when)
        parameters.update(expression.placeholders())
        kind = {Put: "Put", Update: "Update", Delete: "Delete", Check: "ConditionCheck"}[type(action)]
        return {kind: parameters}


def _ask(operation: str, **parameters: Any) -> Wire:
    """DynamoDB's answer, with its refusals turned into the errors of the port."""
    try:
        return call("dynamodb", operation, **parameters)
    except ClientError as error:
        code = error_code(error)
        if code == "ConditionalCheckFailedException":
            raise Conflict("the conditions of the write do not hold") from error
        if code == "TransactionCanceledException":
            raise _cancelled([str(reason.get("Code")) for reason in error.response["CancellationReasons"]]) from error
        if code == "ValidationException":
            raise ValueError(f"DynamoDB refuses the request: {error.response['Error'].get('Message')}") from error
        raise


def _cancelled(reasons: list[str]) -> Exception:
    failed = [str(number) for number, reason in enumerate(reasons, 1) if reason == "ConditionalCheckFailed"]
    if failed:
        return Conflict(f"the conditions of action {', '.join(failed)} of {len(reasons)} do not hold")
    if {"ValidationError", "ItemCollectionSizeLimitExceeded"} & set(reasons):
        return ValueError(f"DynamoDB refuses the transaction: {', '.join(reasons)}")
    return Busy(f"the transaction collided or was throttled: {', '.join(reasons)}")
