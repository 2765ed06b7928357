import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { dynamoRecords } from "../../../adapters/aws/records.ts";
import { setting } from "../settings.ts";

export const records = dynamoRecords(new DynamoDBClient({}), setting("TABLE"));
