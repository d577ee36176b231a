// The types of calls, from those of the description. Every field is checked: openapi-fetch's own types let a misspelt
// optional field pass.
import type { Answer } from "./problem.js";
import type { paths } from "./schema.js";

/** They change the session that the client keeps, so they are methods of the client instead. */
type SessionRoute = "/auth/jwt/login" | "/auth/jwt/logout" | "/auth/mfa/verify" | "/auth/refresh" | "/auth/switch-tenant";

export type Method = "get" | "put" | "post" | "patch" | "delete";

/** The paths that have a method. */
export type PathWith<M extends Method> = Exclude<
  { [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never }[keyof paths],
  SessionRoute
>;

type Operation<P extends keyof paths, M extends Method> = paths[P][M];

type Content<T> = T extends { content: infer C } ? C[keyof C] : undefined;
/** 303: where a payer goes on is what those routes answer. */
type Success = 200 | 201 | 202 | 204 | 303;

/** What an operation answers when it is done; undefined where that is nothing. */
export type Data<P extends keyof paths, M extends Method> =
  Operation<P, M> extends { responses: infer R } ? { [S in keyof R & Success]: Content<R[S]> }[keyof R & Success] : never;

/** A field that is there if there is anything to give, and optional if nothing of it must be given. */
type Field<K extends string, T> = [T] extends [never] ? unknown : {} extends T ? { [_ in K]?: T } : { [_ in K]: T };

type Given<T, K extends string> = T extends { [_ in K]?: infer G } ? Exclude<G, undefined> : never;

/** The client makes a key itself where none is given. */
type Headers<H> = [H] extends [never]
  ? never
  : { [K in keyof H as K extends "Idempotency-Key" ? never : K]: Exclude<H[K], null> } & {
      [K in keyof H as K extends "Idempotency-Key" ? K : never]?: string;
    };

type Parameters<O> = O extends { parameters: infer P }
  ? Field<"path", Given<P, "path">> & Field<"query", Given<P, "query">> & Field<"header", Headers<Given<P, "header">>>
  : unknown;

type Body<O> = O extends { requestBody: { content: infer C } }
  ? { body: C[keyof C] }
  : O extends { requestBody?: { content: infer C } }
    ? [C] extends [never]
      ? { body?: never }
      : { body?: C[keyof C] }
    : { body?: never };

/** What may be given to a call. */
export type Init<P extends keyof paths, M extends Method> = Field<"params", Parameters<Operation<P, M>>> &
  Body<Operation<P, M>> & {
    headers?: Record<string, string>;
    signal?: AbortSignal;
  };

/** The second argument of a call, which may be left out where nothing of it must be given. */
export type Arguments<T> = {} extends T ? [init?: T] : [init: T];

export type Call<M extends Method> = <P extends PathWith<M>>(
  path: P,
  ...init: Arguments<Init<P, M>>
) => Promise<Answer<Data<P, M>>>;

type Page = { data: readonly unknown[]; next_cursor?: string | null };

/** The paths whose lists come in pages. */
export type PagedPath = { [P in PathWith<"get">]: Data<P, "get"> extends Page ? P : never }[PathWith<"get">];

/** A row of such a list. */
export type Row<P extends PagedPath> = Data<P, "get"> extends { data: readonly (infer R)[] } ? R : never;
