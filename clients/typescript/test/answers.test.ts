import assert from "node:assert/strict";
import { test } from "node:test";
import { ProblemError, unwrap, unwrapVersioned } from "../src/index.js";
import { FakeApi, json, problem } from "./fake_api.js";

const refusalOf = async (response: Response): Promise<ProblemError> => {
  const client = new FakeApi({ "GET /users/me": () => response }).client({ token: "k", retry: false });
  const thrown = await unwrap(client.GET("/users/me")).then(() => assert.fail("It was not refused."), (error: unknown) => error);
  assert.ok(thrown instanceof ProblemError);
  return thrown;
};

test("a problem document is thrown with all that it says", async () => {
  const errors = [{ pointer: "/email", detail: "is no address" }];
  const thrown = await refusalOf(problem(422, "validation_failed", { "retry-after": "3" }, { errors }));
  assert.deepEqual(
    { ...thrown },
    {
      name: "ProblemError",
      status: 422,
      code: "validation_failed",
      title: "A title",
      detail: "What to do.",
      errors,
      requestId: "req_1",
      retryAfterSeconds: 3,
    },
  );
  assert.equal(thrown.message, "validation_failed (422): What to do.");
  const reason = { code: "REGISTER_INVALID_PASSWORD", reason: "too common" };
  assert.deepEqual((await refusalOf(problem(400, "invalid_password", {}, { detail: reason }))).detail, reason);
});

test("an answer without a document is a ProblemError, too", async () => {
  for (const [reply, requestId] of [
    [new Response(null, { status: 500 }), undefined],
    [new Response("<html>", { status: 502, headers: { "x-request-id": "req_7" } }), "req_7"],
    [new Response("null", { status: 502 }), undefined],
    [json(500, { code: 7 }), undefined],
  ] as const) {
    const thrown = await refusalOf(reply);
    assert.deepEqual([thrown.code, thrown.requestId], ["no_problem_document", requestId]);
  }
});

test("versions, texts and nothing come as what they are", async () => {
  const api = new FakeApi({
    "GET /leads/led_1": () => json(200, { id: "led_1" }, { etag: '"4"' }),
    "DELETE /leads/led_1": () => new Response(null, { status: 204 }),
    "GET /robots.txt": () => new Response("User-agent: *", { headers: { "content-type": "text/plain" } }),
    "GET /.well-known/jwks.json": () => json(200, { keys: [] }, { "content-type": "application/jwk-set+json" }),
  });
  const client = api.client({ token: "k" });
  const at = { params: { path: { id: "led_1" } } };
  const { data, etag } = await unwrapVersioned(client.GET("/leads/{id}", at));
  assert.deepEqual([data.id, etag], ["led_1", '"4"']);
  assert.equal(await unwrap(client.DELETE("/leads/{id}", at)), undefined);
  assert.equal(await unwrap(client.GET("/robots.txt")), "User-agent: *");
  assert.deepEqual(await unwrap(client.GET("/.well-known/jwks.json")), { keys: [] });
});

test("pages are followed to the end with the same filters, and only as far as they are read", async () => {
  const rows: Record<string, unknown> = {
    "": { data: [{ id: "led_1" }, { id: "led_2" }], next_cursor: "c1" },
    c1: { data: [], next_cursor: "c2" },
    c2: { data: [{ id: "led_3" }], next_cursor: null },
  };
  const api = new FakeApi({ "GET /leads": ({ query }) => json(200, rows[query.get("cursor") ?? ""]) });
  const client = api.client({ token: "k" });
  const init = { params: { query: { sort: "-score", limit: 2 } } } as const;

  const ids: string[] = [];
  for await (const { id } of client.items("/leads", init)) ids.push(id);
  assert.deepEqual(ids, ["led_1", "led_2", "led_3"]);
  assert.deepEqual(
    api.seen.map(({ query }) => query.toString()),
    ["sort=-score&limit=2", "sort=-score&limit=2&cursor=c1", "sort=-score&limit=2&cursor=c2"],
  );

  const sizes: number[] = [];
  for await (const page of client.pages("/leads")) sizes.push(page.length);
  assert.deepEqual(sizes, [2, 0, 1]);

  for await (const { id } of client.items("/leads")) if (id === "led_2") break;
  assert.equal(api.seen.length, 7);
});

test("a refusal on a later page is thrown", async () => {
  const api = new FakeApi({
    "GET /leads": (_, before) => (before === 0 ? json(200, { data: [{}], next_cursor: "c1" }) : problem(403, "forbidden")),
  });
  const read = async () => {
    for await (const _ of api.client({ token: "k" }).items("/leads"));
  };
  await assert.rejects(read, (error) => error instanceof ProblemError && error.code === "forbidden");
});
