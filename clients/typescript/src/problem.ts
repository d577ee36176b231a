// Refusals. Every one of the API is a problem document (RFC 9457); what stands between may answer without one.
import type { components } from "./schema.js";

export type ProblemDocument = components["schemas"]["ProblemBody"];
export type FieldError = components["schemas"]["FieldError"];

/** A refusal. Decide by `code`: docs/errors.md lists them all. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  /** The kind of problem, stable. `no_problem_document` where the answer did not come from the API itself. */
  readonly code: string;
  readonly title: string;
  /** What to do about it. On the routes of fastapi-users its code, or `{ code, reason }`. */
  readonly detail: unknown;
  /** For input that is not valid: each place, and what is wrong there. */
  readonly errors: readonly FieldError[];
  /** Names the request in the log of the API. */
  readonly requestId: string | undefined;
  /** How long to wait before the next try, where the API says so. */
  readonly retryAfterSeconds: number | undefined;

  constructor(response: Response, body: unknown) {
    const document = asDocument(body);
    const said = document ? textOf(document.detail) : `The answer was ${response.status} without a problem document.`;
    super(`${document?.code ?? "no_problem_document"} (${response.status}): ${said}`);
    this.status = response.status;
    this.code = document?.code ?? "no_problem_document";
    this.title = document?.title ?? response.statusText;
    this.detail = document?.detail;
    this.errors = document?.errors ?? [];
    this.requestId = document?.request_id ?? response.headers.get("x-request-id") ?? undefined;
    this.retryAfterSeconds = retryAfterSeconds(response);
  }
}

/** A request would have been sent for another person or tenant than it was meant for. It was not sent. */
export class IdentityChangedError extends Error {
  override readonly name = "IdentityChangedError";
  constructor() {
    super("The session has moved to another tenant or person since the request was made. Look where you are and ask again.");
  }
}

export type Answer<T> =
  | { data: T; error?: undefined; response: Response }
  | { data?: undefined; error: ProblemError; response: Response };

/** The data of an answer; a refusal is thrown. */
export async function unwrap<T>(asked: Promise<Answer<T>>): Promise<T> {
  return (await unwrapVersioned(asked)).data;
}

/** Like `unwrap`, with the version for `If-Match`; undefined where the route gives none. */
export async function unwrapVersioned<T>(asked: Promise<Answer<T>>): Promise<{ data: T; etag: string | undefined }> {
  const answer = await asked;
  if (answer.error) throw answer.error;
  return { data: answer.data as T, etag: answer.response.headers.get("etag") ?? undefined };
}

/** The code of a refusal whose body nobody has read yet; the body stays readable. */
export async function codeOf(response: Response): Promise<string | undefined> {
  try {
    return asDocument(await response.clone().json())?.code;
  } catch {
    return undefined;
  }
}

/** The API sends seconds; a proxy before it may send a date, which counts as nothing said. */
export function retryAfterSeconds(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

function asDocument(body: unknown): ProblemDocument | undefined {
  const hasCode = typeof body === "object" && body !== null && "code" in body && typeof body.code === "string";
  return hasCode ? (body as ProblemDocument) : undefined;
}

function textOf(detail: unknown): string {
  return typeof detail === "string" ? detail : JSON.stringify(detail);
}
