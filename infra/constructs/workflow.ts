import { Stack } from "aws-cdk-lib";
import { Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import {
  CfnStateMachineAlias,
  CfnStateMachineVersion,
  DefinitionBody,
  LogLevel,
  StateMachine,
} from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { permissionsOf } from "../../workflow/checks/permissions.ts";
import { definitionText, type MachineName, placeholders } from "../../workflow/definition.ts";

/** Values for placeholders don't match the file's. */
export class PlaceholderError extends Error {
  override name = "PlaceholderError";
}

export interface WorkflowProps {
  machine: MachineName;
  /** The state machine's name in the account. */
  name: string;
  /** Value of every placeholder in the file: no more, no less. */
  values: Readonly<Record<string, string>>;
  logs: ILogGroup;
}

/** A workflow file, deployed as it is: its text is the template's, its role is what the text needs, its alias is what others call. */
export class Workflow extends Construct {
  readonly stateMachine: StateMachine;
  readonly alias: CfnStateMachineAlias;
  /** What the definition needs, with the states that need it. */
  readonly permissions: ReturnType<typeof permissionsOf>;

  constructor(scope: Construct, id: string, { machine, name, values, logs }: WorkflowProps) {
    super(scope, id);
    const text = definitionText(machine);
    checkValues(machine, text, values);
    const { partition, region, account } = Stack.of(this);
    const resolve = (part: string) =>
      part.replaceAll(/\$\{(\w+)\}/g, (_, placeholder: string) => values[placeholder] as string);
    this.permissions = permissionsOf(JSON.parse(text), resolve, { partition, region, account, machineName: name });

    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("states.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": account } },
      }),
      description: `What ${machine}.asl.json needs, derived from it`,
    });
    for (const { actions, resources, conditions } of this.permissions) {
      role.addToPolicy(
        new PolicyStatement({ effect: Effect.ALLOW, actions, resources, ...(conditions ? { conditions } : {}) }),
      );
    }
    this.stateMachine = new StateMachine(this, "StateMachine", {
      stateMachineName: name,
      definitionBody: DefinitionBody.fromString(text),
      definitionSubstitutions: { ...values },
      role,
      logs: { destination: logs, level: LogLevel.ERROR, includeExecutionData: false },
      tracingEnabled: true,
    });
    const version = new CfnStateMachineVersion(this, "Version", {
      stateMachineArn: this.stateMachine.stateMachineArn,
      stateMachineRevisionId: this.stateMachine.stateMachineRevisionId,
      description: `${machine}.asl.json`,
    });
    this.alias = new CfnStateMachineAlias(this, "Alias", {
      name: "live",
      description: "What starts new executions; those that run keep their version",
      deploymentPreference: { stateMachineVersionArn: version.attrArn, type: "ALL_AT_ONCE" },
    });
  }
}

function checkValues(machine: string, text: string, values: Readonly<Record<string, string>>): void {
  const wanted = placeholders(text);
  const missing = wanted.filter((name) => values[name] === undefined);
  const needless = Object.keys(values).filter((name) => !wanted.includes(name));
  if (missing.length + needless.length > 0) {
    throw new PlaceholderError(
      `${machine}.asl.json: no value for ${missing.join(", ") || "none"}; no placeholder for ${needless.sort().join(", ") || "none"}`,
    );
  }
}
