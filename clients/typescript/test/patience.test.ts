import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, unwrap, type Client } from "../src/index.js";
import { FakeApi, json, problem, type Script } from "./fake_api.js";

const lead = { email: "grace@harbour.example" };
const ID = { params: { path: { id: "led_1" } } };
/** Refuses the first times, then does it. */
const after = (times: number, refusal: () => Response | Error): Script[string] => (_, before) =>
  before < times ? refusal() : json(200, { data: [], next_cursor: null });

test("429 waits for Retry-After, whatever the method", async () => {
  const limited = after(1, () => problem(429, "rate_limited", { "retry-after": "7" }));
  const api = new FakeApi({ "GET /leads": limited, "PATCH /leads/led_1": limited });
  const client = api.client({ token: "k" });
  await unwrap(client.GET("/leads"));
  await unwrap(client.PATCH("/leads/{id}", { ...ID, body: { company: "Harbour" } }));
  assert.deepEqual(api.waits, [7000, 7000]);
});

test("a wait that is too long, a third refusal, and a client without patience get the refusal", async () => {
  const refusing = (seconds: string) => ({ "GET /leads": () => problem(429, "rate_limited", { "retry-after": seconds }) });
  for (const [seconds, options, sent] of [
    ["31", {}, 1],
    ["30", {}, 3],
    ["1", { retry: { tries: 2 } }, 2],
    ["5", { retry: { longestWaitSeconds: 4 } }, 1],
    ["1", { retry: false }, 1],
  ] as const) {
    const api = new FakeApi(refusing(seconds));
    const { error } = await api.client({ token: "k", ...options }).GET("/leads");
    assert.deepEqual([error?.code, error?.retryAfterSeconds, api.seen.length], ["rate_limited", Number(seconds), sent]);
  }
});

test("waits grow, and none is shorter than what was asked for", async () => {
  const api = new FakeApi({ "GET /leads": after(4, () => problem(503, "saturated", { "retry-after": "3" })) });
  await unwrap(api.client({ token: "k", retry: { tries: 5 } }).GET("/leads"));
  assert.deepEqual(api.waits, [3000, 3000, 4000, 8000]);
});

const ways: [string, (client: Client) => Promise<unknown>, boolean][] = [
  ["GET /leads", (client) => client.GET("/leads"), true],
  ["POST /leads", (client) => client.POST("/leads", { body: lead }), true],
  ["POST /payments/pay_1/refunds", (client) => client.POST("/payments/{id}/refunds", { params: { path: { id: "pay_1" } }, body: {} }), true],
  ["POST /payments/pay_1/sync", (client) => client.POST("/payments/{id}/sync", { params: { path: { id: "pay_1" } } }), false],
  ["PATCH /leads/led_1", (client) => client.PATCH("/leads/{id}", { ...ID, body: {} }), false],
  ["DELETE /leads/led_1", (client) => client.DELETE("/leads/{id}", ID), false],
  ["POST /auth/forgot-password", (client) => client.POST("/auth/forgot-password", { body: lead }), false],
];

test("503 and lost answers are tried again where that does nothing twice, with the same key", async () => {
  for (const refusal of [() => problem(503, "outcome_unknown", { "retry-after": "2" }), () => new TypeError("lost")]) {
    for (const [route, ask, isRepeatable] of ways) {
      const api = new FakeApi({ [route]: after(2, refusal) });
      await ask(api.client({ token: "k" })).catch(() => {});
      assert.equal(api.count(route), isRepeatable ? 3 : 1, route);
      assert.equal(new Set(api.seen.map(({ key, body }) => `${key} ${body}`)).size, 1, route);
    }
  }
});

test("POSTs that take a key get one, their own first; nothing else does", async () => {
  const api = new FakeApi(Object.fromEntries(ways.map(([route]) => [route, () => json(200, {})])));
  const client = api.client({ token: "k" });
  for (const [, ask] of ways) await ask(client);
  await client.POST("/leads", { body: lead, params: { header: { "Idempotency-Key": "mine" } } });
  const withKey = api.seen.filter(({ key }) => key !== null).map(({ route }) => route);
  assert.deepEqual(withKey, ["POST /leads", "POST /payments/pay_1/refunds", "POST /leads"]);
  assert.equal(api.seen.at(-1)?.key, "mine");
  assert.equal(new Set(api.seen.map(({ key }) => key)).size, 4);
});

test("what only an operator can mend is not waited for, and what is under way is", async () => {
  const broken = new FakeApi({ "GET /auth/readyz": () => problem(503, "not_ready") });
  assert.equal((await broken.client().GET("/auth/readyz")).error?.code, "not_ready");
  assert.equal(broken.seen.length, 1);

  const underWay = new FakeApi({ "POST /leads": after(1, () => problem(409, "conflict_in_flight", { "retry-after": "1" })) });
  await unwrap(underWay.client({ token: "k" }).POST("/leads", { body: lead }));
  assert.deepEqual(underWay.waits, [1000]);

  const conflict = new FakeApi({ "POST /leads": () => problem(409, "already_member") });
  assert.equal((await conflict.client({ token: "k" }).POST("/leads", { body: lead })).error?.status, 409);
  assert.equal(conflict.seen.length, 1);
});

test("the system's clock ends a wait when the call is aborted", async () => {
  const api = new FakeApi({ "GET /leads": () => problem(429, "rate_limited", { "retry-after": "20" }) });
  const abort = new AbortController();
  const client = createClient({ baseUrl: "http://api.test", token: "k", fetch: api.fetch });
  const asked = client.GET("/leads", { signal: abort.signal });
  setImmediate(() => abort.abort(new Error("enough")));
  await assert.rejects(asked, /enough/);
  assert.equal(api.seen.length, 1);
});

test("routes are known below a path of the address, too", async () => {
  const api = new FakeApi({ "POST /api/v1/leads": () => json(201, {}) });
  await unwrap(api.client({ token: "k", baseUrl: "http://api.test/api/v1/" }).POST("/leads", { body: lead }));
  assert.notEqual(api.seen[0]?.key, null);
});
