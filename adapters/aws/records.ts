import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  ConflictError,
  type RecordCondition,
  type RecordKey,
  type Records,
  type RecordWrite,
  type Stored,
} from "../../lambdas/ports.ts";
import { byBytes, checkTransaction, recordText } from "../limits.ts";
import { asPortError, nameOf } from "./errors.ts";

type Item = Record<string, AttributeValue>;

/** Records in one DynamoDB table: pk (S), sk (S), version (N), body (S, JSON). All reads are consistent. */
export function dynamoRecords(client: DynamoDBClient, table: string): Records {
  const keyOf = ({ pk, sk }: RecordKey): Item => ({ pk: { S: pk }, sk: { S: sk } });
  const stored = <T>(item: Item): Stored<T> => ({
    pk: item.pk?.S as string,
    sk: item.sk?.S as string,
    version: Number(item.version?.N),
    body: JSON.parse(item.body?.S as string) as T,
  });

  /** The condition as DynamoDB writes it, with only the names and values that it uses. */
  function guard(condition: RecordCondition) {
    if (condition === "absent") return { ConditionExpression: "attribute_not_exists(pk)" };
    if (condition === "any") return {};
    return {
      ConditionExpression: "#v = :was",
      ExpressionAttributeNames: { "#v": "version" },
      ExpressionAttributeValues: { ":was": { N: String(condition.version) } },
    };
  }
  function update(key: RecordKey, text: string, condition: RecordCondition) {
    const guarded = guard(condition);
    return {
      TableName: table,
      Key: keyOf(key),
      UpdateExpression: "SET #b = :body, #v = if_not_exists(#v, :none) + :one",
      ...guarded,
      ExpressionAttributeNames: { "#b": "body", "#v": "version" },
      ExpressionAttributeValues: {
        ...guarded.ExpressionAttributeValues,
        ":body": { S: text },
        ":none": { N: "0" },
        ":one": { N: "1" },
      },
    };
  }
  function part({ op, key, condition, ...rest }: RecordWrite): TransactWriteItem {
    if (op === "put") return { Update: update(key, recordText((rest as { body: unknown }).body), condition) };
    const plain = { TableName: table, Key: keyOf(key), ...guard(condition) };
    if (op === "delete") return { Delete: plain };
    // A check needs a condition; "any" holds always.
    return {
      ConditionCheck: {
        ...plain,
        ConditionExpression: plain.ConditionExpression ?? "attribute_exists(pk) OR attribute_not_exists(pk)",
      },
    };
  }

  function translate(error: unknown, what: string): unknown {
    if (nameOf(error) === "ConditionalCheckFailedException")
      return new ConflictError(`${what} has changed, or is not as it should be`);
    if (nameOf(error) === "TransactionCanceledException") {
      const reasons = (error as TransactionCanceledException).CancellationReasons ?? [];
      if (reasons.some((reason) => reason.Code === "ConditionalCheckFailed")) {
        return new ConflictError(
          `a condition of the transaction does not hold: ${reasons.map((r) => r.Code).join(", ")}`,
        );
      }
      const busy = reasons.find((reason) => reason.Code !== undefined && reason.Code !== "None");
      const name =
        busy?.Code === "TransactionConflict" ? "TransactionConflictException" : `${busy?.Code ?? ""}Exception`;
      return asPortError(
        Object.assign(new Error(busy?.Message ?? "cancelled"), { name: name.replace("ThrottlingError", "Throttling") }),
        what,
      );
    }
    return asPortError(error, what);
  }
  async function send<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw translate(error, what);
    }
  }

  return {
    async get<T>(key: RecordKey) {
      const request = new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true });
      const { Item: item } = await send(`${key.pk} ${key.sk}`, client.send(request));
      return item && stored<T>(item);
    },
    async put(key, body, condition) {
      const request = new UpdateItemCommand({
        ...update(key, recordText(body), condition),
        ReturnValues: "UPDATED_NEW",
      });
      const { Attributes } = await send(`${key.pk} ${key.sk}`, client.send(request));
      return Number(Attributes?.version?.N);
    },
    async delete(key, condition) {
      const request = new DeleteItemCommand({ TableName: table, Key: keyOf(key), ...guard(condition) });
      await send(`${key.pk} ${key.sk}`, client.send(request));
    },
    async transact(writes: readonly RecordWrite[]) {
      checkTransaction(writes);
      if (writes.length === 0) return;
      await send("the transaction", client.send(new TransactWriteItemsCommand({ TransactItems: writes.map(part) })));
    },
    async query<T>(pk: string, query: { prefix?: string; after?: string; limit?: number } = {}) {
      const { prefix = "", after } = query;
      const beyond = after !== undefined && byBytes(after, prefix) > 0;
      // A start key outside the asked range is refused by DynamoDB: before it nothing is skipped, after it nothing is left.
      if (beyond && !after.startsWith(prefix)) return { items: [] };
      const request = new QueryCommand({
        TableName: table,
        ConsistentRead: true,
        KeyConditionExpression: prefix === "" ? "pk = :pk" : "pk = :pk AND begins_with(sk, :prefix)",
        ExpressionAttributeValues: { ":pk": { S: pk }, ...(prefix === "" ? {} : { ":prefix": { S: prefix } }) },
        ...(query.limit === undefined ? {} : { Limit: query.limit }),
        ...(after !== undefined && (beyond || after === prefix) && after !== ""
          ? { ExclusiveStartKey: keyOf({ pk, sk: after }) }
          : {}),
      });
      const { Items, LastEvaluatedKey } = await send(pk, client.send(request));
      return {
        items: (Items ?? []).map((item) => stored<T>(item)),
        ...(LastEvaluatedKey?.sk?.S === undefined ? {} : { next: LastEvaluatedKey.sk.S }),
      };
    },
  };
}
