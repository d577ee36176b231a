// How a request travels: with the right credentials, an idempotency key where one is taken, and a second time where
// that surely does nothing twice. What must stay true: nothing is ever sent for another person or tenant than it was
// meant for; credentials go nowhere that does not ask for them; and nothing leaves the base URL, whoever asks for that.
import { patiently, type Clock, type Retry } from "./patience.js";
import { codeOf, IdentityChangedError } from "./problem.js";
import { KEYED, OPEN, REDIRECTING } from "./routes.js";
import { identityOf, Sessions, type Session, type SessionStore } from "./session.js";

export interface Sending {
  baseUrl: string;
  /** An API key, or the tokens of a session. Without either only open routes answer. */
  credentials: string | SessionStore;
  retry: Retry | false;
  clock: Clock;
  fetch: (request: Request) => Promise<Response>;
}

export interface Sender {
  send(request: Request): Promise<Response>;
  sessions: Sessions;
}

export function createSender({ baseUrl, credentials, retry, clock, fetch }: Sending): Sender {
  const isOpen = matcher(OPEN);
  const takesKey = matcher(KEYED);
  const redirects = matcher(REDIRECTING);
  const base = new URL(`${baseUrl}/`, globalThis.location?.href ?? "http://localhost");
  const prefix = base.pathname.slice(0, -1);

  const refresh = async (refreshToken: string) => {
    const body = JSON.stringify({ refresh_token: refreshToken });
    const headers = { "content-type": "application/json" };
    const { signal } = new AbortController();
    const init = { method: "POST", headers, body, signal, redirect: "error" } as const;
    const send = () => fetch(new Request(`${baseUrl}/auth/refresh`, init));
    // A lost answer may be asked for again: for half a minute the same token gets the same successor.
    return patiently(send, { isRepeatable: true, signal, retry, clock });
  };
  const token = typeof credentials === "string" ? credentials : undefined;
  const store: SessionStore = typeof credentials === "string" ? { load: () => null, save: () => {} } : credentials;
  const sessions = new Sessions(store, clock, refresh);

  const send = async (request: Request): Promise<Response> => {
    // A middleware, an option of a single call, or a path without a slash (`:4811/x`) may have led it away.
    if (!request.url.startsWith(base.href)) throw new TypeError(`${request.url} is not below ${base.href}. Nothing was sent.`);
    const route = `${request.method} ${new URL(request.url).pathname.slice(prefix.length)}`;
    const headers = new Headers(request.headers);
    if (takesKey(route) && !headers.has("idempotency-key")) headers.set("idempotency-key", newKey());
    // A body can be read once, and a repeat has to have the same bytes.
    const bytes = request.method === "GET" || request.method === "HEAD" ? undefined : await request.arrayBuffer();
    const body = bytes?.byteLength ? { body: bytes } : {};
    const isRepeatable = request.method === "GET" || request.method === "HEAD" || takesKey(route);
    // Who follows a redirect takes the body along, with a password in it or a refresh token.
    const redirect = redirects(route) ? "manual" : "error";

    const ask = (bearer?: string) => {
      if (bearer) headers.set("authorization", `Bearer ${bearer}`);
      const { signal } = request;
      return patiently(() => fetch(new Request(request, { headers, redirect, ...body })), { isRepeatable, signal, retry, clock });
    };

    if (isOpen(route) || headers.has("authorization")) return ask();
    if (token !== undefined) return ask(token);

    const meant = await store.load();
    if (!meant) return ask();
    let session: Session = meant;
    if (sessions.endsSoon(meant)) {
      const { session: renewed, refusal } = await renewInTime(meant);
      if (!renewed) return refusal?.clone() ?? ask();
      if (refusal && sessions.hasEnded(renewed)) return refusal.clone();
      session = sameIdentity(meant, renewed);
    }

    const answer = await ask(session.accessToken);
    // It is the token that was refused, before anything was done.
    if (answer.status !== 401 || (await codeOf(answer)) !== "unauthenticated") return answer;
    const { session: renewed, refusal } = await sessions.renew(session).catch(() => ({ session: null, refusal: answer }));
    if (!renewed || refusal) return answer;
    return ask(sameIdentity(meant, renewed).accessToken);
  };

  const renewInTime = async (session: Session) => {
    try {
      return await sessions.renew(session);
    } catch (error) {
      // Nobody answered; while the old token is good, that is no reason to give up.
      if (sessions.hasEnded(session)) throw error;
      return { session };
    }
  };

  return { send, sessions };
}

/**
 * A session goes on in another tenant when its person switches, or loses the membership. What was meant for the one
 * tenant must not be done in the other.
 */
function sameIdentity(meant: Session, renewed: Session): Session {
  const identity = identityOf(meant);
  if (identity !== undefined && identity !== identityOf(renewed)) throw new IdentityChangedError();
  return renewed;
}

function matcher(routes: readonly string[]): (route: string) => boolean {
  const escaped = routes.map((route) => route.replace(/[.*+?^$|()[\]\\]/g, "\\$&").replace(/\{[^{}]+\}/g, "[^/]+"));
  const pattern = new RegExp(`^(?:${escaped.join("|")})$`);
  return (route) => pattern.test(route);
}

/** `randomUUID` is missing in pages without TLS; the bytes of chance are not. */
function newKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
