// A tenant's first day against a running app; BIZO_ORIGIN says where. Fresh people each time, so it can be repeated.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createClient, memoryStore, ProblemError, unwrap, unwrapVersioned } from "../src/index.js";

const baseUrl = process.env["BIZO_ORIGIN"] ?? "";
/** Other tests use up the address's requests of the same minute. */
const PATIENT = { tries: 10, longestWaitSeconds: 60 };

const refusedWith = (status: number, code: string) => (error: unknown) => {
  assert.ok(error instanceof ProblemError, String(error));
  assert.deepEqual([error.status, error.code], [status, code]);
  assert.match(error.requestId ?? "", /^req_/);
  return true;
};

test("a running app", { skip: baseUrl === "" && "BIZO_ORIGIN names no running app" }, async (t) => {
  const email = `ada-${randomUUID()}@example.com`;
  const password = randomUUID();
  const store = memoryStore();
  let refreshes = 0;
  const counting = async (request: Request) => {
    const answer = await fetch(request);
    if (request.url.endsWith("/auth/refresh") && answer.ok) refreshes += 1;
    return answer;
  };
  const client = createClient({ baseUrl, session: store, fetch: counting, retry: PATIENT });

  await t.test("registers and logs in", async () => {
    const account = await unwrap(client.POST("/auth/register", { body: { email, password, tenant_name: "Analytical Engines" } }));
    assert.equal(account?.tenant?.role, "owner");
    await assert.rejects(client.logIn({ email, password: "another one" }), refusedWith(400, "bad_credentials"));
    const step = await client.logIn({ email, password });
    assert.deepEqual(step, { state: "logged_in", mfaEnrolmentRequired: false });
    assert.equal((await unwrap(client.GET("/users/me"))).email, email);
  });

  const { data: lead, etag } = await unwrapVersioned(
    client.POST("/leads", { body: { email: "grace@harbour.example", company: "Harbour", job_title: "CEO", source: "REFERRAL" } }),
  );

  await t.test("creates a lead once for one key", async () => {
    assert.equal(lead.score, 100);
    const repeated = { body: { email: "bob@example.com" }, params: { header: { "Idempotency-Key": randomUUID() } } };
    const first = await unwrap(client.POST("/leads", repeated));
    const { data: second, response } = await client.POST("/leads", repeated);
    assert.equal(second?.id, first.id);
    assert.equal(response.headers.get("idempotent-replayed"), "true");
  });

  await t.test("lists leads over pages", async () => {
    for (const name of ["carl", "dora", "emil"]) await unwrap(client.POST("/leads", { body: { email: `${name}@example.com` } }));
    const scores: number[] = [];
    const ids = new Set<string>();
    for await (const { id, score } of client.items("/leads", { params: { query: { sort: "-score", limit: 2 } } })) {
      scores.push(score);
      ids.add(id);
    }
    assert.equal(ids.size, 5);
    assert.deepEqual(scores, [...scores].sort((a, b) => b - a));
    const sizes: number[] = [];
    for await (const page of client.pages("/leads", { params: { query: { limit: 2 } } })) sizes.push(page.length);
    assert.deepEqual(sizes, [2, 2, 1]);
  });

  await t.test("changes the version that it read, and no other", async () => {
    assert.ok(etag !== undefined);
    const params = { path: { id: lead.id }, header: { "If-Match": etag } };
    const changed = await unwrapVersioned(client.PATCH("/leads/{id}", { params, body: { company: "Harbour Systems" } }));
    assert.equal(changed.data.company, "Harbour Systems");
    assert.notEqual(changed.etag, etag);
    const again = unwrap(client.PATCH("/leads/{id}", { params, body: { company: "Harbour Ltd" } }));
    await assert.rejects(again, refusedWith(412, "version_mismatch"));
  });

  await t.test("says which field is wrong", async () => {
    const refused = await client.POST("/leads", { body: { email: "no address" } });
    assert.equal(refused.error?.status, 422);
    assert.deepEqual(refused.error?.errors.map(({ pointer }) => pointer), ["/email"]);
  });

  await t.test("takes a payment and returns a part of it", async () => {
    const payment = await unwrap(client.POST("/payments", { body: { amount: 1099, currency: "EUR", gateway: "test" } }));
    assert.deepEqual([payment.state, payment.captured], ["captured", 1099]);
    const at = { path: { id: payment.id } };
    const refund = await unwrap(client.POST("/payments/{id}/refunds", { params: at, body: { amount: 300 } }));
    assert.equal(refund.amount, 300);
    assert.equal((await unwrap(client.GET("/payments/{id}", { params: at }))).refunded, 300);
    const tooMuch = unwrap(client.POST("/payments/{id}/refunds", { params: at, body: { amount: 800 } }));
    await assert.rejects(tooMuch, refusedWith(409, "amount_exceeds_refundable"));
  });

  await t.test("works with an API key", async () => {
    const { key, id } = await unwrap(client.POST("/api-keys", { body: { name: "import", scopes: ["leads:read"] } }));
    const program = createClient({ baseUrl, token: key });
    assert.equal((await unwrap(program.GET("/leads/{id}", { params: { path: { id: lead.id } } }))).id, lead.id);
    await assert.rejects(unwrap(program.POST("/leads", { body: { email: "x@example.com" } })), refusedWith(403, "forbidden"));
    await unwrap(client.DELETE("/api-keys/{id}", { params: { path: { id } } }));
    await assert.rejects(unwrap(program.GET("/leads")), refusedWith(401, "unauthenticated"));
  });

  await t.test("goes on in a new tenant", async () => {
    const home = (await unwrap(client.GET("/users/me"))).tenant;
    const made = await unwrap(client.POST("/tenants", { body: { name: "Difference Engines" } }));
    assert.equal((await client.switchTenant(made.id)).id, made.id);
    assert.deepEqual((await unwrap(client.GET("/leads"))).data, []);
    assert.ok(home);
    await client.switchTenant(home.id);
    assert.equal((await unwrap(client.GET("/leads"))).data.length, 5);
  });

  await t.test("renews the session once for parallel requests, at a 401 and before the end", async () => {
    for (const spoil of [{ accessToken: "spoilt" }, { expiresAt: Date.now() + 1000 }]) {
      const kept = await store.load();
      assert.ok(kept);
      await store.save({ ...kept, ...spoil });
      const answers = await Promise.all([1, 2, 3, 4].map(() => unwrap(client.GET("/users/me"))));
      assert.deepEqual(answers.map((account) => account.email), Array(4).fill(email));
      assert.notEqual((await store.load())?.refreshToken, kept.refreshToken);
    }
    assert.equal(refreshes, 2);
  });

  await t.test("logs out, here and there", async () => {
    const kept = await store.load();
    assert.ok(kept);
    await client.logOut();
    assert.equal(await client.session(), null);
    await assert.rejects(unwrap(client.GET("/leads")), refusedWith(401, "unauthenticated"));
    const stolen = createClient({ baseUrl, session: kept });
    await assert.rejects(unwrap(stolen.GET("/leads")), refusedWith(401, "unauthenticated"));
    assert.equal(await stolen.session(), null);
  });
});
