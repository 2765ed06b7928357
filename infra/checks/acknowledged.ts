/** Findings of general tools that are right in general and not here: each with the reason. At most 25. */
export interface Acknowledgement {
  /** Rules of any tool: their names don't overlap. */
  rule: RegExp;
  /** Which resources; all where it is missing. */
  where?: RegExp;
  reason: string;
}

export const ACKNOWLEDGED: Acknowledgement[] = [
  {
    rule: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    reason:
      "X-Ray, ECR log-in, metrics, log delivery and invalidations have no resource; our own rule holds * to exactly those actions",
  },
  {
    rule: /^AwsSolutions-IAM5\[Resource::(?!\*\])/,
    reason: "Keys, jobs and executions are named at run time; the must-deny matrix asks what lies outside each pattern",
  },
  {
    rule: /^AwsSolutions-IAM5\[Action::/,
    where: /Build|BucketDeployment|Source/,
    reason: "CDK's own read grants on its asset bucket",
  },
  {
    rule: /^(?:AwsSolutions-(?:L1|IAM4.*)|Serverless-Lambda(?:LatestVersion|Tracing)|CKV_AWS_111)$/,
    where: /CDKBucketDeployment/,
    reason: "CDK's own function that copies the pages at deployment; its runtime comes with aws-cdk-lib",
  },
  {
    rule: /^(?:Serverless-LambdaDLQ|CKV_AWS_116)$/,
    reason:
      "Stages and the portal are called synchronously: the caller gets the error; what is called by events has its queue",
  },
  {
    rule: /^(?:AwsSolutions-SQS3|Serverless-SQSRedrivePolicy)$/,
    where: /DeadLetters/,
    reason: "These are the dead-letter queues",
  },
  {
    rule: /^AwsSolutions-SF1$/,
    reason:
      "Errors are logged; every state's data would be people's answers, and histories are kept 90 days by Step Functions itself",
  },
  {
    rule: /^(?:AwsSolutions-CB4|CKV_AWS_(?:27|119|136|158|173))$/,
    reason: "Encrypted by AWS's own keys at no monthly charge; no setting, log or image holds a secret",
  },
  { rule: /^AwsSolutions-CFR1$/, reason: "Vendors work from anywhere" },
  {
    rule: /^(?:AwsSolutions-CFR2|CKV_AWS_68)$/,
    reason: "A web ACL costs more a month than the whole cold stack; the API is throttled",
  },
  {
    rule: /^(?:AwsSolutions-CFR3|CKV_AWS_86)$/,
    reason: "The pages are public files; what matters, the API, has its access log",
  },
  {
    rule: /^(?:AwsSolutions-CFR4|CKV_AWS_174)$/,
    reason:
      "Without a domain of one's own CloudFront brings its certificate and its floor; a domain in the config is not offered yet",
  },
  {
    rule: /^AwsSolutions-COG8$/,
    reason:
      "The plus plan is paid per person; a second factor is required, and a membership is looked up on every request",
  },
  {
    rule: /^CKV_AWS_117$/,
    reason: "Functions reach AWS's own services only; a network of one's own needs endpoints that are paid by the hour",
  },
  {
    rule: /^CKV_AWS_115$/,
    reason: "What may run at once is held where work is handed out: Map concurrency and the API's throttling",
  },
  {
    rule: /^CKV_AWS_(?:18|21)$/,
    where: /AccessLogs/,
    reason: "This bucket holds the others' access logs: a log of its own would log itself, and lines are written once",
  },
  {
    rule: /^CKV_AWS_7$/,
    where: /SignKey/,
    reason: "KMS rotates no HMAC keys, and what was signed must stay verifiable",
  },
  { rule: /^W3005$/, reason: "CDK writes dependencies that a reference implies already" },
  {
    rule: /^E3601$/,
    where: /DefinitionString|^$/,
    reason: "Its schema does not know that a timeout may be a JSONata expression; our own lint checks them",
  },
];

export function acknowledgedBy(finding: { rule: string; where: string }): Acknowledgement | undefined {
  return ACKNOWLEDGED.find((one) => one.rule.test(finding.rule) && (one.where?.test(finding.where) ?? true));
}
