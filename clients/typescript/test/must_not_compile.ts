// What must not compile. It is checked with the tests and never run: an expected error that does not come is an error.
import { createClient, unwrap, type Row, type Schemas } from "../src/index.js";

export async function neverRun(): Promise<void> {
  const client = createClient({ baseUrl: "https://api.example.com" });
  const at = { path: { id: "led_1" } };

  // Fields and their values
  await client.POST("/leads", { body: { email: "grace@harbour.example", source: "REFERRAL" } });
  // @ts-expect-error a misspelt field
  await client.POST("/leads", { body: { email: "grace@harbour.example", compny: "Harbour" } });
  // @ts-expect-error a missing field
  await client.POST("/leads", { body: { company: "Harbour" } });
  // @ts-expect-error a missing body
  await client.POST("/leads");
  // @ts-expect-error a word that no source has
  await client.POST("/leads", { body: { email: "grace@harbour.example", source: "REFERAL" } });
  // @ts-expect-error an amount as text
  await client.POST("/payments", { body: { amount: "10.99", currency: "EUR" } });

  // Paths and parameters
  // @ts-expect-error an unknown path
  await client.GET("/lead");
  // @ts-expect-error a method that the path does not have
  await client.PUT("/leads", {});
  // @ts-expect-error a missing id
  await client.GET("/leads/{id}");
  // @ts-expect-error a misspelt query parameter
  await client.GET("/leads", { params: { query: { minscore: 75 } } });
  // @ts-expect-error a body where none is taken
  await client.GET("/leads", { body: {} });
  // @ts-expect-error a misspelt option
  await client.GET("/leads", { param: {} });
  await client.PATCH("/leads/{id}", { params: { ...at, header: { "If-Match": '"1"' } }, body: { company: null } });
  // The key is there without being asked for, and may be given.
  await client.POST("/payments", { body: { amount: 1099, currency: "EUR" } });
  await client.POST("/payments", { body: { amount: 1099, currency: "EUR" }, params: { header: { "Idempotency-Key": "k" } } });
  // @ts-expect-error the session's routes are methods of the client
  await client.POST("/auth/refresh", { body: { refresh_token: "r" } });

  // Answers
  const lead: Schemas["Lead"] = await unwrap(client.GET("/leads/{id}", { params: at }));
  // @ts-expect-error a field that a lead does not have
  lead.owner;
  // @ts-expect-error nothing is no text
  const nothing: string = await unwrap(client.DELETE("/leads/{id}", { params: at }));
  const account = await unwrap(client.POST("/auth/register", { body: { email: "ada@example.com", password: "x" } }));
  // @ts-expect-error a deployment that hides who has an account answers without one
  account.email;
  const { data, error } = await client.GET("/leads");
  // @ts-expect-error there may be an error instead
  data.next_cursor;
  if (!error) data.next_cursor;

  // Lists
  for await (const row of client.items("/leads", { params: { query: { sort: "-score" } } })) {
    const same: Row<"/leads"> = row;
    // @ts-expect-error the row is a lead
    same.amount;
  }
  client.items("/payments/{id}/refunds", { params: { path: { id: "pay_1" } } });
  // @ts-expect-error a list of one payment's refunds needs the payment
  client.items("/payments/{id}/refunds");
  // @ts-expect-error what does not come in pages
  client.items("/users/me");

  // @ts-expect-error one factor or the other
  await client.giveFactor({ mfaToken: "m" });
  void nothing;
}
