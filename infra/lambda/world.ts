import type { Environment, Ports } from "../../lambdas/ports.ts";
import { setting } from "./settings.ts";

/**
 * The ports that a function was built with. One that its code was not seen to use is refused by name: it has neither
 * client nor permission (infra/access.ts).
 */
export function world(given: Partial<Ports>): Ports {
  const ports: Partial<Ports> = {
    environment: setting("ENVIRONMENT") as Environment,
    clock: { now: () => Date.now() },
    ...given,
  };
  return new Proxy(ports as Ports, {
    get(target, name) {
      const port = target[name as keyof Ports];
      if (port === undefined && typeof name === "string" && name !== "then") {
        throw new Error(
          `this function was built without the port "${name}"; call it as ports.${name}.<method>(...) so that it is seen`,
        );
      }
      return port;
    },
  });
}
