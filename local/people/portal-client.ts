/** How simulated people reach the portal: the same routes, sessions and signed addresses as everybody else. */
export interface Doors {
  request: (request: Request) => Promise<Response>;
  join: (role: "annotator" | "expert", who: { subject: string; vendor?: string }) => Promise<string>;
}

/** The portal said no: what it said, for the caller to judge. */
export class PortalRefusal extends Error {
  override name = "PortalRefusal";
  readonly status: number;
  /** The API's own word for it, such as `unqualified`; empty where the answer had none. */
  readonly code: string;
  constructor(status: number, message: string, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const PORTAL = "http://127.0.0.1";

/** One person's way into the portal; signs in when first needed, and again when the session has ended. */
export class PortalClient {
  readonly #doors: Doors;
  readonly #role: "annotator" | "expert";
  readonly #who: { subject: string; vendor?: string };
  #session: string | undefined;

  constructor(doors: Doors, role: "annotator" | "expert", who: { subject: string; vendor?: string }) {
    this.#doors = doors;
    this.#role = role;
    this.#who = who;
  }

  async get<T>(path: string): Promise<T> {
    return (await this.#send(path)).json() as Promise<T>;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    return (await this.#send(path, init)).json() as Promise<T>;
  }

  async bytes(url: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#send(url)).arrayBuffer());
  }

  async #send(
    path: string,
    init: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<Response> {
    for (let attempt = 0; ; attempt += 1) {
      this.#session ??= await this.#doors.join(this.#role, this.#who);
      const headers = { ...init.headers, authorization: `Bearer ${this.#session}` };
      const response = await this.#doors.request(new Request(new URL(path, PORTAL), { ...init, headers }));
      if (response.ok) return response;
      if (response.status === 401 && attempt === 0) {
        this.#session = undefined;
        continue;
      }
      const text = await response.text();
      throw new PortalRefusal(
        response.status,
        `${init.method ?? "GET"} ${path.split("/").slice(0, 4).join("/")}: ${response.status} ${text.slice(0, 300)}`,
        /"error":"([a-z-]+)"/.exec(text)?.[1],
      );
    }
  }
}
