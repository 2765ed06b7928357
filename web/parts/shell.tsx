import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Me } from "../../schemas/portal.ts";
import { call, type Loaded, type RequestError, useLoad } from "../api.ts";
import { signOut } from "../sign-in.ts";

export type Everybody = Me & { sessions: Me[] };

/** Where each role works. */
export function homeOf(me: Pick<Me, "role" | "campaign">): string {
  if (me.role === "annotator") return "/annotate";
  if (me.role === "expert") return "/review";
  if (me.role === "vendor") return "/vendor";
  if (me.role === "owner") return `/approve/${me.campaign}`;
  return me.campaign === "*" ? "/" : `/watch/${me.campaign}`;
}

const ROLE_WORDS = {
  annotator: "Annotate",
  expert: "Review",
  vendor: "Vendor",
  owner: "Approve",
  "data-team": "Studio",
} as const;

/** The frame of every page: brand, where one is, the other places that one may go. */
export function Shell(props: {
  title: string;
  campaign?: string | undefined;
  wide?: boolean;
  /** Nobody is signed in yet. */
  stranger?: boolean;
  children: ComponentChildren;
}) {
  const me = useLoad<Everybody>(props.stranger ? undefined : "/api/me");
  useEffect(() => {
    document.title =
      props.campaign === undefined
        ? `${props.title} · Countersign`
        : `${props.title} · ${props.campaign} · Countersign`;
  }, [props.title, props.campaign]);
  const leave = async () => {
    await call("/api/session/end", {});
    location.assign(await signOut());
  };
  const links = (me.data?.sessions ?? []).map((one) => ({ href: homeOf(one), words: ROLE_WORDS[one.role] }));
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="26" height="26" />
          <span>Countersign</span>
        </a>
        {props.campaign !== undefined && <span class="where">{props.campaign}</span>}
        <nav aria-label="Your pages">
          {links.length > 1 &&
            links.map(({ href, words }) => (
              <a key={href} href={href} aria-current={location.pathname === href ? "page" : undefined}>
                {words}
              </a>
            ))}
          {me.data !== undefined && (
            <button type="button" class="quiet" onClick={leave}>
              Sign out
            </button>
          )}
        </nav>
      </header>
      <main id="main" class={props.wide ? "wide" : ""}>
        {props.children}
      </main>
    </>
  );
}

/** Nothing to show, said calmly. */
export function Empty(props: { title: string; children?: ComponentChildren }) {
  return (
    <section class="empty">
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}

/** What went wrong, what to do, and a way to try again. */
export function Broken(props: { error: RequestError; retry?: () => void }) {
  const signedOut = ["signed-out", "expired-session", "revoked", "wrong-token", "wrong-role"].includes(
    props.error.code,
  );
  return (
    <section class="empty" role="alert">
      <h2>{signedOut ? "You can't see this page now" : "That did not work"}</h2>
      <p>{capital(props.error.message)}.</p>
      {props.retry !== undefined && !signedOut && (
        <button type="button" onClick={props.retry}>
          Try again
        </button>
      )}
    </section>
  );
}

/** Draws data when they are there; says so when they are coming or can't come. A failed refresh keeps what was shown. */
export function Waiting<T>(props: { load: Loaded<T>; children: (data: T) => ComponentChildren }) {
  const { data, error, reload } = props.load;
  if (data === undefined) {
    if (error !== undefined) return <Broken error={error} retry={() => void reload()} />;
    return (
      <p class="loading" role="status">
        Loading …
      </p>
    );
  }
  return (
    <>
      {error !== undefined && (
        <p class="notice warn" role="alert">
          This page is not up to date: {error.message}.
        </p>
      )}
      {props.children(data)}
    </>
  );
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
