import type { Endpoints } from "../../lambdas/ports.ts";

type Server = (
  body: Uint8Array,
  contentType: string,
) => { status: number; body: Uint8Array } | Promise<{ status: number; body: Uint8Array }>;

export interface MemoryEndpoints extends Endpoints {
  /** Puts a server behind a name; undefined takes it away. */
  serve(endpoint: string, server: Server | undefined): void;
}

export function memoryEndpoints(): MemoryEndpoints {
  const servers = new Map<string, Server>();
  return {
    serve(endpoint, server) {
      if (server) servers.set(endpoint, server);
      else servers.delete(endpoint);
    },
    async invoke(endpoint, body, contentType) {
      const server = servers.get(endpoint);
      if (server === undefined) {
        throw Object.assign(new Error(`no endpoint "${endpoint}" answers`), { name: "EndpointUnavailable" });
      }
      return server(body, contentType);
    },
  };
}
