// Where requests go: below the base URL, to the route that was named, and nowhere that an answer sends them.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { unwrap, type Client } from "../src/index.js";
import { FakeApi, json, problem, tokens } from "./fake_api.js";

/** What a program without types may write. */
type Untyped = (path: string, init?: object) => Promise<unknown>;
const untyped = (client: Client) => client.GET as unknown as Untyped;

test("nothing leaves the base URL", async () => {
  const elsewhere = { onRequest: ({ request }: { request: Request }) => new Request("http://evil.test/users/me", request) };
  for (const [baseUrl, path, init] of [
    ["http://api.test", "/users/me", { baseUrl: "http://evil.test" }],
    ["http://api.test", "/users/me", { baseUrl: "http://api.test.evil.test" }],
    ["http://api.test", "/users/me", { middleware: [elsewhere] }],
    ["http://api.test", ":4811/users/me", {}],
    ["http://api.test", ".evil.test/users/me", {}],
    ["http://api.test/v1", "elsewhere/users/me", {}],
    ["https://api.test/v1", "/users/me", { baseUrl: "http://api.test/v1" }],
    ["http://api.test/v1", "/users/me", { baseUrl: "http://api.test" }],
  ] as const) {
    for (const credentials of [{ token: "bizo_key" }, {}]) {
      const api = new FakeApi({});
      const asked = untyped(api.client({ baseUrl, retry: false, ...credentials }))(path, init);
      await assert.rejects(asked, TypeError, `${path} ${JSON.stringify(init)}`);
      assert.equal(api.seen.length, 0, `${path} ${JSON.stringify(init)}`);
    }
  }
});

test("a base URL is the same place in each of its spellings", async () => {
  for (const baseUrl of ["http://api.test", "http://API.test:80/", "http://api.test/v1/", "http://api.test/a%20b", "http://api.test/a b"]) {
    const path = new URL(`${baseUrl.replace(/\/$/, "")}/users/me`).pathname;
    const api = new FakeApi({ [`GET ${path}`]: () => json(200, { id: "usr_ada" }) });
    await unwrap(api.client({ baseUrl, token: "bizo_key" }).GET("/users/me"));
    assert.deepEqual(api.seen.map(({ authorization }) => authorization), ["Bearer bizo_key"]);
  }
});

test("a parameter is no step to another route", async () => {
  for (const id of [".", "..", "%2e", "%2E%2e", ".%2e", "%2E."]) {
    const api = new FakeApi({});
    const client = api.client({ token: "bizo_key", retry: false });
    const at = { params: { path: { id } } };
    await assert.rejects(client.DELETE("/api-keys/{id}", at), TypeError, id);
    await assert.rejects(client.POST("/payments/{id}/refunds", { ...at, body: { amount: 1 } }), TypeError, id);
    await assert.rejects(untyped(client)("/payments/{id}", { params: { path: { id: [id] } } }), TypeError, id);
    for (const path of [`/payments/${id}/refunds`, `/payments\\${id}\\refunds`, `/payments/${id}?limit=1`, `/payments/\t${id}`]) {
      await assert.rejects(untyped(client)(path), TypeError, path);
    }
    const pages = client.pages("/payments/{id}/refunds", at);
    await assert.rejects(pages.next(), TypeError, id);
    assert.equal(api.seen.length, 0, id);
  }
  const api = new FakeApi({ "GET /payments/pay_1..2": () => json(200, { id: "pay_1" }), "GET /payments/a%2F..": () => json(200, {}) });
  const client = api.client({ token: "bizo_key" });
  for (const id of ["pay_1..2", "a/.."]) await unwrap(client.GET("/payments/{id}", { params: { path: { id } } }));
});

test("no redirect is followed, and those that the API answers are answers", async () => {
  const api = new FakeApi({
    "GET /users/me": () => problem(401, "unauthenticated"),
    "POST /auth/refresh": () => tokens("a2", "r2"),
    "POST /leads": () => json(201, { id: "led_1" }),
    "GET /payments/return/t1": () => new Response(null, { status: 303, headers: { location: "https://shop.test/" } }),
  });
  const { client } = api.inSession(600, "a1");
  await client.GET("/users/me");
  await client.POST("/leads", { body: { email: "grace@harbour.example" } });
  assert.deepEqual(new Set(api.seen.map(({ route, redirect }) => `${route} ${redirect}`)), new Set([
    "GET /users/me error",
    "POST /auth/refresh error",
    "POST /leads error",
  ]));
  const back = await client.GET("/payments/return/{token}", { params: { path: { token: "t1" } } });
  assert.equal(api.seen.at(-1)?.redirect, "manual");
  assert.equal(back.error, undefined);
  assert.equal(back.response.headers.get("location"), "https://shop.test/");
});

test("what a redirect asks for does not get there", async () => {
  const reached: string[] = [];
  const listen = async (server: Server) => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const other = createServer((request, response) => {
    reached.push(request.url ?? "");
    response.end("{}");
  });
  const there = await listen(other);
  const sending = createServer((request, response) => response.writeHead(307, { location: `${there}${request.url}` }).end());
  const here = await listen(sending);
  try {
    const client = new FakeApi({}).client({ baseUrl: here, fetch: (request) => fetch(request), retry: false });
    await assert.rejects(client.logIn({ email: "ada@example.com", password: "x" }), TypeError);
    await assert.rejects(client.GET("/users/me"), TypeError);
    // This one is an answer: Node shows it, a browser hides where it leads.
    const back = await client.GET("/payments/return/{token}", { params: { path: { token: "t1" } } });
    assert.equal(back.response.status, 307);
    assert.deepEqual(reached, []);
  } finally {
    for (const server of [sending, other]) {
      server.closeAllConnections();
      server.close();
    }
  }
});
