import type { ConfigFault } from "./fault.ts";

const config = (name: string, edit: (yaml: string) => string): ConfigFault => ({
  kind: "config",
  name,
  expect: "ConfigError",
  edit,
});

export const configFaults: ConfigFault[] = [
  config("a misspelt key", (yaml) => yaml.replace("onDestroy", "onDestory")),
  config("no region", (yaml) => yaml.replace("  region: eu-central-1\n", "")),
  config("a region that is none", (yaml) => yaml.replace("eu-central-1", "frankfurt")),
  config("an instance type that is none", (yaml) => yaml.replace("ml.g5.xlarge", "ml.g5.tiny")),
  config("an EC2 type without ml.", (yaml) => yaml.replace("ml.m5.xlarge", "m5.xlarge")),
  config("a negative budget", (yaml) => yaml.replace("budgetUsdPerMonth: 50", "budgetUsdPerMonth: -50")),
  config("a budget in words", (yaml) => yaml.replace("budgetUsdPerMonth: 50", "budgetUsdPerMonth: fifty")),
  config("an account as number with a lost zero", (yaml) =>
    yaml.replace("  onDestroy: delete", "  account: 12345678901\n  onDestroy: delete"),
  ),
  config("logs for 31 days, which CloudWatch does not have", (yaml) =>
    yaml.replace("logRetentionDays: 30", "logRetentionDays: 31"),
  ),
  config("production is deleted on destroy", (yaml) => yaml.replace("onDestroy: keep", "onDestroy: delete")),
  config("not YAML", (yaml) => `${yaml}\n\t: {`),
  config("an environment without settings", (yaml) => yaml.replace(/^dev:\n(?: .*\n)+/m, "dev:\n")),
];
