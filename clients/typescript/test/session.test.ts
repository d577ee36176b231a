import assert from "node:assert/strict";
import { test } from "node:test";
import { IdentityChangedError, memoryStore, unwrap, type Session } from "../src/index.js";
import { FakeApi, json, jwt, problem, tokens, type Script } from "./fake_api.js";

const OLD = `Bearer ${jwt("ten_a", 1)}`;
const NEW = `Bearer ${jwt("ten_a", 2)}`;

/** Takes the second token only, and gives it for the first refresh token. */
const renewing: Script = {
  "GET /users/me": ({ authorization }) =>
    authorization === NEW ? json(200, { id: "usr_ada" }) : problem(401, "unauthenticated"),
  "POST /leads": ({ authorization }) =>
    authorization === NEW ? json(201, { id: "led_1" }) : problem(401, "unauthenticated"),
  "POST /auth/refresh": ({ body }) =>
    body === `{"refresh_token":"r1"}` ? tokens(jwt("ten_a", 2), "r2") : problem(401, "refresh_token_reused"),
};

test("parallel requests that meet a 401 share one refresh", async () => {
  const api = new FakeApi(renewing);
  const { client, store } = api.inSession(600);
  const answers = await Promise.all(Array.from({ length: 5 }, () => unwrap(client.GET("/users/me"))));
  assert.deepEqual(answers.map(({ id }) => id), Array(5).fill("usr_ada"));
  assert.equal(api.count("POST /auth/refresh"), 1);
  assert.equal((await store.load())?.refreshToken, "r2");
});

test("a token that ends soon is renewed before it is used, once for all", async () => {
  const api = new FakeApi(renewing);
  const { client, store } = api.inSession(20);
  await Promise.all([1, 2, 3].map(() => unwrap(client.GET("/users/me"))));
  assert.equal(api.count("POST /auth/refresh"), 1);
  assert.equal(api.count("GET /users/me"), 3);
  assert.deepEqual(await store.load(), { accessToken: jwt("ten_a", 2), refreshToken: "r2", expiresAt: api.now + 600_000 });
});

test("after a refresh a POST goes out again with the same key and the same bytes", async () => {
  const api = new FakeApi(renewing);
  const { client } = api.inSession(600);
  await unwrap(client.POST("/leads", { body: { email: "grace@harbour.example" } }));
  const [first, second] = api.seen.filter(({ route }) => route === "POST /leads");
  assert.deepEqual([first?.authorization, second?.authorization], [OLD, NEW]);
  assert.match(first?.key ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual([second?.key, second?.body], [first?.key, first?.body]);
});

test("a refused refresh ends the session and answers the refusal", async () => {
  const api = new FakeApi({ "POST /auth/refresh": () => problem(401, "refresh_token_reused") });
  const { client, store } = api.inSession(10);
  const asked = await Promise.all([client.GET("/users/me"), client.GET("/leads")]);
  assert.deepEqual(asked.map(({ error }) => error?.code), ["refresh_token_reused", "refresh_token_reused"]);
  assert.equal(await store.load(), null);
});

test("a refresh whose answer got lost is asked for again; one that stays away costs nothing while the token is good", async () => {
  const lost = new FakeApi({
    ...renewing,
    "POST /auth/refresh": (_, before) => (before === 0 ? new TypeError("lost") : tokens(jwt("ten_a", 2), "r2")),
  });
  await unwrap(lost.inSession(-1).client.GET("/users/me"));
  assert.equal(lost.count("POST /auth/refresh"), 2);

  const away = new FakeApi({
    "POST /auth/refresh": () => new TypeError("away"),
    "GET /users/me": ({ authorization }) => json(200, { id: authorization }),
  });
  assert.equal((await unwrap(away.inSession(20).client.GET("/users/me"))).id, OLD);

  const over = new FakeApi({ "POST /auth/refresh": () => new TypeError("away") });
  const { client, store } = over.inSession(-1);
  await assert.rejects(client.GET("/users/me"), /away/);
  assert.equal((await store.load())?.refreshToken, "r1");
});

test("another tab's renewal is taken over instead of refreshing again", async () => {
  const api = new FakeApi(renewing);
  const { client, store } = api.inSession(600);
  const elsewhere = { accessToken: jwt("ten_a", 2), refreshToken: "r9", expiresAt: api.now + 600_000 };
  const before = api.fetch;
  api.fetch = async (request) => {
    const answer = await before(request);
    await store.save(elsewhere);
    return answer;
  };
  await unwrap(api.client({ session: store }).GET("/users/me"));
  assert.equal(api.count("POST /auth/refresh"), 0);
  assert.deepEqual(await client.session(), elsewhere);
});

test("nothing that was meant for one tenant is done in another", async () => {
  const moved: Script = {
    ...renewing,
    "POST /leads": () => problem(401, "unauthenticated"),
    "POST /auth/refresh": () => tokens(jwt("ten_b", 2), "r2"),
  };
  for (const [endsInSeconds, sent] of [[600, 1], [10, 0]] as const) {
    const api = new FakeApi(moved);
    const { client } = api.inSession(endsInSeconds);
    await assert.rejects(client.POST("/leads", { body: { email: "a@b.example" } }), IdentityChangedError);
    assert.equal(api.count("POST /leads"), sent);
    assert.equal((await client.session())?.accessToken, jwt("ten_b", 2));
  }
});

test("what happens to the session while a refresh is under way is not undone by it", async () => {
  const meanwhile = async (next: Session | null) => {
    const api = new FakeApi({
      ...renewing,
      "POST /auth/refresh": async () => {
        await store.save(next);
        return tokens(jwt("ten_a", 2), "r2");
      },
    });
    const { client, store } = api.inSession(600);
    const { error } = await client.GET("/users/me");
    return [error?.code, await store.load()];
  };
  assert.deepEqual(await meanwhile(null), ["unauthenticated", null], "logged out");
  const another = { accessToken: jwt("ten_a", 7), refreshToken: "r7", expiresAt: 9e9 };
  assert.deepEqual(await meanwhile(another), ["unauthenticated", another], "logged in again");
  const switched = { accessToken: jwt("ten_a", 7), refreshToken: "r1", expiresAt: 9e9 };
  assert.deepEqual(await meanwhile(switched), ["unauthenticated", { ...switched, refreshToken: "r2" }], "switched");
});

test("a 401 that no refresh can mend is the answer", async () => {
  const other = new FakeApi({ "GET /users/me": () => problem(401, "webhook_not_signed") });
  assert.equal((await other.inSession(600).client.GET("/users/me")).error?.code, "webhook_not_signed");
  assert.equal(other.seen.length, 1);

  for (const [refusal, isKept] of [[problem(401, "invalid_refresh_token"), false], [problem(503, "misconfigured"), true]] as const) {
    const api = new FakeApi({ "GET /users/me": () => problem(401, "unauthenticated"), "POST /auth/refresh": () => refusal });
    const { client, store } = api.inSession(600);
    assert.equal((await client.GET("/users/me")).error?.code, "unauthenticated");
    assert.equal(api.seen.length, 2);
    assert.equal((await store.load()) !== null, isKept);
  }
});

test("logging in sends a form without a key, credentials or a second try, and keeps the tokens", async () => {
  const api = new FakeApi({ "POST /auth/jwt/login": () => tokens("a1", "r1") });
  const client = api.client();
  const step = await client.logIn({ email: "ada@example.com", password: "a&b", tenant: "engines" });
  assert.deepEqual(step, { state: "logged_in", mfaEnrolmentRequired: false });
  const [seen] = api.seen;
  assert.equal(seen?.body, "username=ada%40example.com&password=a%26b&scope=tenant%3Aengines");
  assert.deepEqual([seen?.key, seen?.authorization], [null, null]);
  assert.deepEqual(await client.session(), { accessToken: "a1", refreshToken: "r1", expiresAt: api.now + 600_000 });

  for (const reply of [problem(429, "log_in_throttled", { "retry-after": "1" }), problem(503, "saturated"), new TypeError("lost")]) {
    const refusing = new FakeApi({ "POST /auth/jwt/login": () => reply });
    await assert.rejects(refusing.client().logIn({ email: "ada@example.com", password: "x" }));
    assert.equal(refusing.seen.length, 1);
  }
});

test("a second factor is a second step", async () => {
  const api = new FakeApi({
    "POST /auth/jwt/login": () => json(200, { mfa_token: "m1", mfa_methods: ["totp"], expires_in: 300 }),
    "POST /auth/mfa/verify": () => tokens("a1", "r1"),
  });
  const client = api.client();
  const step = await client.logIn({ email: "ada@example.com", password: "x" });
  assert.ok(step.state === "factor_owed");
  assert.equal(await client.session(), null);
  await client.giveFactor({ mfaToken: step.mfaToken, code: "123456" });
  assert.equal(api.seen[1]?.body, `{"mfa_token":"m1","code":"123456"}`);
  assert.equal((await client.session())?.refreshToken, "r1");
});

test("switching keeps the refresh token, logging out keeps nothing", async () => {
  const tenant = { id: "ten_b", name: "B", slug: "b", role: "owner" };
  const api = new FakeApi({
    "POST /auth/switch-tenant": () => json(200, { access_token: jwt("ten_b", 3), token_type: "bearer", expires_in: 600, tenant }),
    "POST /auth/jwt/logout": () => new Response(null, { status: 204 }),
  });
  const { client, store } = api.inSession(600);
  assert.deepEqual(await client.switchTenant("ten_b"), tenant);
  assert.deepEqual(await store.load(), { accessToken: jwt("ten_b", 3), refreshToken: "r1", expiresAt: api.now + 600_000 });
  await client.logOut();
  assert.equal(await store.load(), null);
});

test("logging out forgets a session that was over, and keeps one that may not be", async () => {
  for (const [refusal, isKept] of [[problem(401, "unauthenticated"), false], [problem(503, "saturated"), true]] as const) {
    const api = new FakeApi({ "POST /auth/jwt/logout": () => refusal.clone(), "POST /auth/refresh": () => problem(503, "misconfigured") });
    const { client, store } = api.inSession(600);
    assert.equal(await client.logOut().then(() => false, () => true), isKept);
    assert.equal((await store.load()) !== null, isKept);
  }
});

test("credentials go nowhere that asks for none", async () => {
  const api = new FakeApi({
    "POST /auth/forgot-password": () => json(202, null),
    "POST /invitations/accept": () => json(200, {}),
  });
  const { client } = api.inSession(600);
  assert.equal(await unwrap(client.POST("/auth/forgot-password", { body: { email: "ada@example.com" } })), undefined);
  await unwrap(client.POST("/invitations/accept", { body: { token: "t" } }));
  assert.deepEqual(api.seen.map(({ authorization }) => authorization), [null, OLD]);
});

test("a fixed token is sent as it is, and a refusal of it is final", async () => {
  const api = new FakeApi({ "GET /leads": () => problem(401, "unauthenticated") });
  const client = api.client({ token: "bizo_key" });
  assert.equal((await client.GET("/leads")).error?.status, 401);
  assert.deepEqual(api.seen.map(({ authorization }) => authorization), ["Bearer bizo_key"]);
  await assert.rejects(client.logIn({ email: "ada@example.com", password: "x" }), TypeError);
  assert.throws(() => api.client({ token: "bizo_key", session: memoryStore() }), TypeError);
});
