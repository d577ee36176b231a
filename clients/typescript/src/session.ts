// A session's tokens, and their renewal. What must stay true: a refresh token is sent once, however many requests
// want a new access token; and what was kept meanwhile by others (another tab, a log-out) is never overwritten.
import type { Clock } from "./patience.js";
import type { components } from "./schema.js";

export type SessionTokens = components["schemas"]["SessionTokens"];

/** What is to be kept of a session. It opens the account: keep it where scripts of others cannot read it. */
export interface Session {
  accessToken: string;
  refreshToken: string;
  /** When the access token ends, in milliseconds of Unix time by this machine's clock. */
  expiresAt: number;
}

/** Where a session is kept. It is asked before every request, so that several tabs or processes can share one. */
export interface SessionStore {
  load(): Session | null | Promise<Session | null>;
  /** null: the session is over. */
  save(session: Session | null): void | Promise<void>;
}

export function memoryStore(session: Session | null = null): SessionStore {
  return {
    load: () => session,
    save: (next) => {
      session = next;
    },
  };
}

/** What became of a renewal. Without a session it is over; `refusal` says why, if the API was asked. */
export type Renewal = { session: Session | null; refusal?: Response };

/** Renewed this long before it ends, so that it does not end on the way. */
const MARGIN_MILLISECONDS = 30_000;

export class Sessions {
  #renewal: Promise<Renewal> | undefined;

  constructor(
    readonly store: SessionStore,
    private readonly clock: Clock,
    private readonly refresh: (refreshToken: string) => Promise<Response>,
  ) {}

  /** Keeps the tokens of a session that begins. */
  async begin(tokens: SessionTokens, askedAt: number): Promise<void> {
    await this.store.save(sessionOf(tokens, askedAt));
  }

  endsSoon(session: Session): boolean {
    return session.expiresAt - MARGIN_MILLISECONDS <= this.clock.now();
  }

  hasEnded(session: Session): boolean {
    return session.expiresAt <= this.clock.now();
  }

  /** A session with another access token than `old` has. */
  renew(old: Session): Promise<Renewal> {
    this.#renewal ??= this.#renew(old).finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #renew(old: Session): Promise<Renewal> {
    const kept = await this.store.load();
    if (!kept) return { session: null };
    // Another request or another tab was faster.
    if (kept.accessToken !== old.accessToken && !this.endsSoon(kept)) return { session: kept };

    const askedAt = this.clock.now();
    const answer = await this.refresh(kept.refreshToken);
    const tokens = answer.ok ? ((await answer.json()) as SessionTokens) : undefined;

    const now = await this.store.load();
    if (!now || now.refreshToken !== kept.refreshToken) return { session: now };
    if (tokens) {
      const next = sessionOf(tokens, askedAt);
      // A switch to another tenant meanwhile brought a newer access token, and left the refresh token.
      const session = now.accessToken === kept.accessToken ? next : { ...now, refreshToken: next.refreshToken };
      await this.store.save(session);
      return { session };
    }
    if (answer.status !== 401) return { session: now, refusal: answer };
    await this.store.save(null);
    return { session: null, refusal: answer };
  }
}

/** The person and the tenant that an access token names; undefined if it is no JWT. Nothing is verified: the API does that. */
export function identityOf({ accessToken }: Session): string | undefined {
  try {
    const [, claims = ""] = accessToken.split(".");
    const { sub, tid } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))) as Record<string, unknown>;
    return `${sub} ${tid}`;
  } catch {
    return undefined;
  }
}

function sessionOf(tokens: SessionTokens, askedAt: number): Session {
  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    expiresAt: askedAt + tokens.expires_in * 1000,
  };
}
