// An API that answers what a test says, and a clock that moves only when somebody waits.
import { createClient, memoryStore, type Client, type ClientOptions, type Clock, type Session } from "../src/index.js";

export interface Seen {
  route: string;
  query: URLSearchParams;
  authorization: string | null;
  key: string | null;
  redirect: RequestRedirect;
  body: string;
}

type Reply = Response | Error;
/** Says what a route answers, by what was asked and how often before. */
export type Script = Record<string, (seen: Seen, before: number) => Reply | Promise<Reply>>;

export const json = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });

export const problem = (status: number, code: string, headers: Record<string, string> = {}, more: object = {}) => {
  const document = { type: `urn:bizosaas:problem:${code}`, title: "A title", status, detail: "What to do.", code };
  return json(status, { ...document, request_id: "req_1", ...more }, { "content-type": "application/problem+json", ...headers });
};

/** An access token that names a person and a tenant. Nobody signs it: only the API verifies. */
export const jwt = (tenant: string, nonce: number, person = "usr_ada") =>
  ["", Buffer.from(JSON.stringify({ sub: person, tid: tenant, nonce })).toString("base64url"), ""].join(".");

export const tokens = (access: string, refresh: string) =>
  json(200, { access_token: access, token_type: "bearer", expires_in: 600, refresh_token: refresh });

export class FakeApi {
  readonly seen: Seen[] = [];
  readonly waits: number[] = [];
  now = 1_000_000;
  readonly clock: Clock = {
    now: () => this.now,
    wait: async (milliseconds, signal) => {
      signal.throwIfAborted();
      this.waits.push(milliseconds);
      this.now += milliseconds;
    },
  };

  constructor(private readonly script: Script) {}

  fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const seen: Seen = {
      route: `${request.method} ${url.pathname}`,
      query: url.searchParams,
      authorization: request.headers.get("authorization"),
      key: request.headers.get("idempotency-key"),
      redirect: request.redirect,
      body: await request.text(),
    };
    const before = this.count(seen.route);
    this.seen.push(seen);
    const answer = this.script[seen.route];
    if (!answer) throw new Error(`The test expects no ${seen.route}.`);
    const reply = await answer(seen, before);
    if (reply instanceof Error) throw reply;
    return reply;
  };

  count(route: string): number {
    return this.seen.filter((seen) => seen.route === route).length;
  }

  client(options: Partial<ClientOptions> = {}): Client {
    return createClient({ baseUrl: "http://api.test", fetch: this.fetch, clock: this.clock, ...options });
  }

  /** A client in a session whose access token ends in so many seconds. */
  inSession(endsInSeconds: number, accessToken = jwt("ten_a", 1)) {
    const session: Session = { accessToken, refreshToken: "r1", expiresAt: this.now + endsInSeconds * 1000 };
    const store = memoryStore(session);
    return { client: this.client({ session: store }), store };
  }
}
