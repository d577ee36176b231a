// The client. Calls have openapi-fetch's form; a session, its renewal, idempotency keys and pages are taken care of.
import createOpenApiClient, { type Middleware } from "openapi-fetch";
import type { Arguments, Call, Init, PagedPath, Row } from "./calls.js";
import { systemClock, type Clock, type Retry } from "./patience.js";
import { ProblemError, unwrap, type Answer } from "./problem.js";
import { REDIRECTING } from "./routes.js";
import type { components, paths } from "./schema.js";
import { createSender } from "./send.js";
import { memoryStore, type Session, type SessionStore, type SessionTokens } from "./session.js";

export type { Data, PagedPath, PathWith, Row } from "./calls.js";
export type { Clock, Retry } from "./patience.js";
export { IdentityChangedError, ProblemError, unwrap, unwrapVersioned } from "./problem.js";
export type { Answer, FieldError, ProblemDocument } from "./problem.js";
export type { components, operations, paths } from "./schema.js";
export { memoryStore } from "./session.js";
export type { Session, SessionStore } from "./session.js";

/** The named types of the API: `Schemas["Lead"]`. */
export type Schemas = components["schemas"];

export interface ClientOptions {
  /** Where the API is, such as `https://api.example.com`. */
  baseUrl: string;
  /** An API key, or an access token that nobody renews. */
  token?: string;
  /** A session that was kept, or a place that keeps one. In memory unless given. */
  session?: Session | SessionStore;
  /** How 429, 503 and lost answers are waited out; `false` never waits and never repeats. */
  retry?: Retry | false;
  /** In place of the global one. */
  fetch?: (request: Request) => Promise<Response>;
  /** In place of the system's. */
  clock?: Clock;
}

export type LogInStep =
  | {
      state: "logged_in";
      /** The tenant asks for a second factor: enrol one, then `switchTenant`. Until then the session is in no tenant. */
      mfaEnrolmentRequired: boolean;
    }
  | { state: "factor_owed"; mfaToken: string; mfaMethods: string[]; expiresInSeconds: number };

export interface Client {
  GET: Call<"get">;
  PUT: Call<"put">;
  POST: Call<"post">;
  PATCH: Call<"patch">;
  DELETE: Call<"delete">;

  /** Begins a session, or says that a second factor is owed. `tenant` is a slug; the last used one without it. */
  logIn(credentials: { email: string; password: string; tenant?: string }): Promise<LogInStep>;
  /** The second step of a log-in. */
  giveFactor(factor: { mfaToken: string } & ({ code: string } | { recoveryCode: string })): Promise<void>;
  /** Takes the session to another tenant of the person's. */
  switchTenant(tenantId: string): Promise<Schemas["TenantView"]>;
  /** Ends the session, at the API and here. */
  logOut(): Promise<void>;
  /** What is kept of the session now; null without one. */
  session(): Promise<Session | null>;

  /** The pages of a list, one after the other. */
  pages<P extends PagedPath>(path: P, ...init: Arguments<Init<P, "get">>): AsyncGenerator<Row<P>[], void, undefined>;
  /** The rows of a list, over all its pages. */
  items<P extends PagedPath>(path: P, ...init: Arguments<Init<P, "get">>): AsyncGenerator<Row<P>, void, undefined>;

  /** Adds middleware of openapi-fetch, which sees every call. */
  use(...middleware: Middleware[]): void;
}

export function createClient(options: ClientOptions): Client {
  const { token, session, retry = {}, clock = systemClock, fetch = (request) => globalThis.fetch(request) } = options;
  if (token !== undefined && session !== undefined) throw new TypeError("Give a token or a session, not both.");
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const credentials = token ?? (session && "load" in session ? session : memoryStore(session));
  const { send, sessions } = createSender({ baseUrl, credentials, retry, clock, fetch });
  const api = createOpenApiClient<paths>({ baseUrl, fetch: send });

  type Untyped = (method: string, path: string, init?: object) => Promise<{ error?: unknown; response: Response }>;
  type UntypedInit = { params?: { path?: object; query?: object }; body?: object; headers?: object };
  const call = async (method: string, path: string, init?: UntypedInit): Promise<Answer<unknown>> => {
    refuseSteps(path, init?.params?.path);
    const { error, response } = await (api.request as unknown as Untyped)(method, path, { ...init, parseAs: "stream" });
    // A browser hides the status, and where it leads.
    const isRedirect = response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400);
    if (isRedirect && REDIRECTING.includes(`${method.toUpperCase()} ${path}`)) return { data: undefined, response };
    if (!response.ok) return { error: new ProblemError(response, error), response };
    return { data: await dataOf(response), response };
  };
  const caller = (method: string) => (path: string, init?: UntypedInit) => call(method, path, init);

  const needsSession = () => {
    if (token !== undefined) throw new TypeError("A client with a fixed token has no session.");
  };

  async function* pages(path: string, init: UntypedInit = {}): AsyncGenerator<unknown[]> {
    let query: object = init.params?.query ?? {};
    for (;;) {
      const answer = call("get", path, { ...init, params: { ...init.params, query } });
      const { data, next_cursor: cursor } = (await unwrap(answer)) as { data: unknown[]; next_cursor?: string | null };
      yield data;
      if (cursor == null) return;
      query = { ...query, cursor };
    }
  }
  async function* items(path: string, init?: UntypedInit): AsyncGenerator<unknown> {
    for await (const page of pages(path, init)) yield* page;
  }

  const client = {
    GET: caller("get"),
    PUT: caller("put"),
    POST: caller("post"),
    PATCH: caller("patch"),
    DELETE: caller("delete"),
    pages,
    items,
    use: api.use,
    session: async () => sessions.store.load(),

    async logIn({ email, password, tenant }: { email: string; password: string; tenant?: string }): Promise<LogInStep> {
      needsSession();
      const askedAt = clock.now();
      const body = { username: email, password, ...(tenant === undefined ? {} : { scope: `tenant:${tenant}` }) };
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const step = (await unwrap(call("post", "/auth/jwt/login", { body, headers }))) as Schemas["LoggedIn"];
      if ("mfa_token" in step) {
        const { mfa_token: mfaToken, mfa_methods: mfaMethods, expires_in: expiresInSeconds } = step;
        return { state: "factor_owed", mfaToken, mfaMethods, expiresInSeconds };
      }
      await sessions.begin(step, askedAt);
      return { state: "logged_in", mfaEnrolmentRequired: step.mfa_enrolment_required ?? false };
    },

    async giveFactor(factor: { mfaToken: string; code?: string; recoveryCode?: string }): Promise<void> {
      needsSession();
      const body = { mfa_token: factor.mfaToken, code: factor.code, recovery_code: factor.recoveryCode };
      const askedAt = clock.now();
      await sessions.begin((await unwrap(call("post", "/auth/mfa/verify", { body }))) as SessionTokens, askedAt);
    },

    async switchTenant(tenantId: string): Promise<Schemas["TenantView"]> {
      needsSession();
      const askedAt = clock.now();
      const asked = call("post", "/auth/switch-tenant", { body: { tenant_id: tenantId } });
      const switched = (await unwrap(asked)) as Schemas["SwitchedTenant"];
      // The refresh token stays; one that was renewed meanwhile is kept.
      const kept = await sessions.store.load();
      if (kept) await sessions.begin({ ...switched, refresh_token: kept.refreshToken }, askedAt);
      return switched.tenant;
    },

    async logOut(): Promise<void> {
      needsSession();
      const { error } = await call("post", "/auth/jwt/logout");
      // 401: it was over before.
      if (error && error.status !== 401) throw error;
      await sessions.store.save(null);
    },
  };
  // Paths and bodies are typed for those who call; in here they are only passed on.
  return client as unknown as Client;
}

/** `.` and `..` are steps in a URL, percent-encoded too: such an id would lead to another route. */
function refuseSteps(path: string, parameters: object = {}): void {
  for (const part of [...path.replace(/[\t\n\r]/g, "").split(/[/\\?#]/), ...Object.values(parameters).map(String)]) {
    if (/^(?:\.|%2e){1,2}$/i.test(part)) throw new TypeError(`${part} in ${path} leads to another route. Nothing was sent.`);
  }
}

/** JSON as what it means, other media types as text, nothing as undefined. */
async function dataOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  const isJson = /^application\/(?:[\w.-]+\+)?json\b/.test(response.headers.get("content-type") ?? "");
  return isJson ? (JSON.parse(text) ?? undefined) : text;
}
