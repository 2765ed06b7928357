import { configFaults } from "./config-faults.ts";
import { definitionFaults } from "./definition-faults.ts";
import type { Fault } from "./fault.ts";
import { handlerFaults } from "./handler-faults.ts";
import { templateFaults } from "./template-faults.ts";

export const faults: Fault[] = [...definitionFaults, ...templateFaults, ...configFaults, ...handlerFaults];
