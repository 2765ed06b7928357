/** Findings of general tools that are right in general and not here: each with the reason. At most 25. */
export interface Acknowledgement {
  tool: "nag" | "cfn-lint" | "checkov";
  rule: RegExp;
  /** Which resources; all where it is missing. */
  where?: RegExp;
  reason: string;
}

export const ACKNOWLEDGED: Acknowledgement[] = [
  {
    tool: "nag",
    rule: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    reason:
      "X-Ray, ECR log-in, metrics, log delivery and invalidations have no resource; our own rule holds * to exactly those actions",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-IAM5\[Resource::(?!\*\])/,
    reason: "Keys, jobs and executions are named at run time; the must-deny matrix asks what lies outside each pattern",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-IAM5\[Action::/,
    where: /Build|BucketDeployment|Source/,
    reason: "CDK's own read grants on its asset bucket",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-IAM4/,
    where: /CDKBucketDeployment/,
    reason: "CDK's own function that copies the pages at deployment",
  },
  {
    tool: "nag",
    rule: /^(?:AwsSolutions-L1|Serverless-Lambda(?:LatestVersion|Tracing))$/,
    where: /CDKBucketDeployment/,
    reason: "CDK's own function that copies the pages at deployment; its runtime comes with aws-cdk-lib",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-APIG4$/,
    reason:
      "People have signed, revocable sessions that every request is looked up by; /predict has the JWT authorizer, which our own rule holds",
  },
  {
    tool: "nag",
    rule: /^Serverless-LambdaDLQ$/,
    reason:
      "Stages and the portal are called synchronously: the caller gets the error; what is called by events has its queue",
  },
  {
    tool: "nag",
    rule: /^(?:AwsSolutions-SQS3|Serverless-SQSRedrivePolicy)$/,
    where: /DeadLetters/,
    reason: "These are the dead-letter queues",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-SF1$/,
    reason:
      "Errors are logged; every state's data would be people's answers, and histories are kept 90 days by Step Functions itself",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-CB4$/,
    reason: "The builds hold sources and public packages; AWS's own key encrypts them at no monthly charge",
  },
  { tool: "nag", rule: /^AwsSolutions-CFR1$/, reason: "Vendors work from anywhere" },
  {
    tool: "nag",
    rule: /^AwsSolutions-CFR2$/,
    reason: "A web ACL costs more a month than the whole cold stack; the API is throttled",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-CFR3$/,
    reason: "The pages are public files; what matters, the API, has its access log",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-CFR4$/,
    reason:
      "Without a domain of one's own CloudFront brings its certificate and its floor; a domain in the config is not offered yet",
  },
  {
    tool: "nag",
    rule: /^AwsSolutions-COG8$/,
    reason: "The pool holds machine clients; the plus plan is paid per person",
  },
  { tool: "cfn-lint", rule: /^W3005$/, reason: "CDK writes dependencies that a reference implies already" },
  {
    tool: "cfn-lint",
    rule: /^E3601$/,
    where: /DefinitionString|^$/,
    reason: "Its schema does not know that a timeout may be a JSONata expression; our own lint checks them",
  },
];

export function acknowledgedBy(finding: { tool: string; rule: string; where: string }): Acknowledgement | undefined {
  return ACKNOWLEDGED.find(
    (one) => one.tool === finding.tool && one.rule.test(finding.rule) && (one.where?.test(finding.where) ?? true),
  );
}
