import { useCallback, useEffect, useState } from "preact/hooks";
import type { ApiError } from "../schemas/portal.ts";
import { identityHeaders, signIn } from "./sign-in.ts";

/** The API said no, or could not be reached (`code` is then `unreachable`). */
export class RequestError extends Error {
  override name = "RequestError";
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Asks the API: GET without a body, POST with one. Throws RequestError. */
export async function call<T>(path: string, body?: unknown, keepalive = false): Promise<T> {
  const identity = await identityHeaders();
  let response: Response;
  try {
    response = await fetch(path, {
      credentials: "same-origin",
      keepalive,
      ...(body === undefined
        ? { headers: identity }
        : {
            method: "POST",
            headers: { ...identity, "content-type": "application/json" },
            body: JSON.stringify(body),
          }),
    });
  } catch {
    throw new RequestError("unreachable", "the studio can't be reached; nothing is lost, try again in a moment");
  }
  const now = Date.parse(response.headers.get("countersign-now") ?? "");
  if (!Number.isNaN(now)) ahead = now - Date.now();
  if (response.ok) return (await response.json()) as T;
  // The API's own door says 401 of a token that has ended, without our words.
  if (response.status === 401 && identity.authorization !== undefined && !response.headers.has("countersign-now"))
    return signIn();
  const refusal = await refusalOf(response);
  // The decision is signed by somebody who signed in lately: where there is a provider, that is its page's work.
  if (refusal.code === "stale-session" && identity.authorization !== undefined) return signIn(true);
  throw refusal;
}

/** How far the portal's clock is ahead of this computer's: a simulated campaign lives in its own time. */
let ahead = 0;

/** Milliseconds since 1970 by the portal's clock. */
export function portalNow(): number {
  return Date.now() + ahead;
}

/** An image's bytes as an address for an `img`; give it back with URL.revokeObjectURL. Throws RequestError. */
export async function loadImage(url: string): Promise<string> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", headers: await identityHeaders() });
  } catch {
    throw new RequestError("unreachable", "the studio can't be reached; nothing is lost, try again in a moment");
  }
  if (!response.ok) throw await refusalOf(response);
  return URL.createObjectURL(await response.blob());
}

async function refusalOf(response: Response): Promise<RequestError> {
  try {
    const { error, message } = (await response.json()) as ApiError;
    return new RequestError(error, message);
  } catch {
    return new RequestError("internal", `the studio answered with status ${response.status}`);
  }
}

export interface Loaded<T> {
  data?: T;
  error?: RequestError;
  reload(): Promise<void>;
}

/** Loads from the API, and again every `everyMs` while the page is visible; nothing without a path. The last good data stay when a reload fails. */
export function useLoad<T>(path: string | undefined, everyMs?: number): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: RequestError }>({});
  const reload = useCallback(async () => {
    if (path === undefined) return;
    try {
      setState({ data: await call<T>(path) });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      setState((before) => ({ ...before, error }));
    }
  }, [path]);
  useEffect(() => {
    void reload();
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (!document.hidden) void reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [reload, everyMs]);
  return { ...state, reload };
}
