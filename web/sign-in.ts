/**
 * Signing in where an identity provider says who people are (Cognito on AWS): authorization code with PKCE (RFC 7636), tokens
 * in this tab only. On a laptop `/sign-in.json` is null, and nothing here does anything.
 */
interface Settings {
  /** Such as `https://countersign-dev-portal-123456789012.auth.eu-central-1.amazoncognito.com`. */
  authority: string;
  clientId: string;
}
interface Tokens {
  access: string;
  refresh?: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}
/** What this tab remembers while the person is away at the provider's page. */
interface Journey {
  state: string;
  verifier: string;
  /** Where they were, with what stood behind the `#`. */
  back: string;
}

const TOKENS = "countersign-tokens";
const JOURNEY = "countersign-journey";
const RETURN = "/signed-in";
/** A token that ends within a minute is renewed first: the clocks of two machines differ. */
const SPARE_MS = 60_000;

let comingBackTo: string | undefined;
let settings: Promise<Settings | undefined> | undefined;

/** Where people sign in; undefined on a laptop. */
function signInSettings(): Promise<Settings | undefined> {
  settings ??= fetch("/sign-in.json")
    .then(async (response) => (response.ok ? (((await response.json()) as Settings | null) ?? undefined) : undefined))
    .catch(() => undefined);
  return settings;
}

/** Where to come back to, if not to the address as it stands: an invitation is taken out of it before anything else. */
export function comeBackTo(address: string): void {
  comingBackTo = address;
}

/** Headers that say who asks: none on a laptop. Leaves the page for the provider's where nobody is signed in. */
export async function identityHeaders(): Promise<Record<string, string>> {
  const provider = await signInSettings();
  if (provider === undefined) return {};
  const tokens = await freshTokens(provider);
  return { authorization: `Bearer ${tokens.access}` };
}

/** Goes to the provider's page, and comes back to this one. `again`: even if the provider remembers the person. */
export async function signIn(again = false): Promise<never> {
  const provider = await signInSettings();
  if (provider === undefined) throw new Error("there is no identity provider here; open your invitation link");
  const journey: Journey = {
    state: random(16),
    verifier: random(32),
    back: comingBackTo ?? location.pathname + location.search + location.hash,
  };
  sessionStorage.removeItem(TOKENS);
  sessionStorage.setItem(JOURNEY, JSON.stringify(journey));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(journey.verifier));
  const asked = new URLSearchParams({
    response_type: "code",
    client_id: provider.clientId,
    redirect_uri: location.origin + RETURN,
    scope: "openid",
    state: journey.state,
    code_challenge: base64url(new Uint8Array(challenge)),
    code_challenge_method: "S256",
    ...(again ? { prompt: "login" } : {}),
  });
  location.assign(`${provider.authority}/oauth2/authorize?${asked}`);
  // The page is left; whoever waits for an answer waits no more.
  return new Promise<never>(() => {});
}

/** Back from the provider: exchanges the code, and goes where the person was. Throws Error where the answer is not to our question. */
export async function finishSignIn(): Promise<void> {
  const provider = await signInSettings();
  const answer = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(JOURNEY);
  sessionStorage.removeItem(JOURNEY);
  history.replaceState(null, "", RETURN);
  const journey = kept === null ? undefined : (JSON.parse(kept) as Journey);
  const code = answer.get("code");
  if (answer.has("error")) throw new Error(answer.get("error_description") ?? "the sign-in was refused");
  if (provider === undefined || journey === undefined || code === null || answer.get("state") !== journey.state)
    throw new Error(
      "this is no answer to a sign-in that was begun in this tab; open the page that you came from again",
    );
  keep(
    await exchange(provider, {
      grant_type: "authorization_code",
      code,
      redirect_uri: location.origin + RETURN,
      code_verifier: journey.verifier,
    }),
  );
  location.replace(journey.back);
}

/** Forgets who was signed in, here and at the provider. Returns where to go then. */
export async function signOut(): Promise<string> {
  sessionStorage.removeItem(TOKENS);
  const provider = await signInSettings();
  if (provider === undefined) return "/";
  const asked = new URLSearchParams({ client_id: provider.clientId, logout_uri: location.origin });
  return `${provider.authority}/logout?${asked}`;
}

async function freshTokens(provider: Settings): Promise<Tokens> {
  const kept = sessionStorage.getItem(TOKENS);
  const tokens = kept === null ? undefined : (JSON.parse(kept) as Tokens);
  if (tokens === undefined) return signIn();
  if (tokens.expiresAt - Date.now() > SPARE_MS) return tokens;
  if (tokens.refresh === undefined) return signIn();
  try {
    const renewed = await exchange(provider, { grant_type: "refresh_token", refresh_token: tokens.refresh });
    return keep({ refresh: tokens.refresh, ...renewed });
  } catch {
    return signIn();
  }
}

async function exchange(provider: Settings, body: Record<string, string>): Promise<Tokens> {
  const response = await fetch(`${provider.authority}/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({ client_id: provider.clientId, ...body }),
  });
  if (!response.ok) throw new Error(`the sign-in answered with status ${response.status}; try again`);
  const { access_token, refresh_token, expires_in } = (await response.json()) as {
    access_token: string;
    refresh_token?: string;
    expires_in: number;
  };
  const refresh = refresh_token === undefined ? {} : { refresh: refresh_token };
  return { access: access_token, ...refresh, expiresAt: Date.now() + expires_in * 1000 };
}

function keep(tokens: Tokens): Tokens {
  sessionStorage.setItem(TOKENS, JSON.stringify(tokens));
  return tokens;
}

const random = (bytes: number) => base64url(crypto.getRandomValues(new Uint8Array(bytes)));

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
