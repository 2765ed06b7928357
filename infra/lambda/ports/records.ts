import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { dynamoRecords } from "../../../adapters/aws/records.ts";
import { CLIENT } from "../client-settings.ts";
import { setting } from "../settings.ts";

export const records = dynamoRecords(new DynamoDBClient(CLIENT), setting("TABLE"));
