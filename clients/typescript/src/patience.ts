// Waiting and asking again. Only what surely does nothing twice is repeated.
import { codeOf, retryAfterSeconds } from "./problem.js";

/** Time, so that tests need not wait. */
export interface Clock {
  /** Milliseconds of Unix time. */
  now(): number;
  /** Rejects as soon as the signal is aborted. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface Retry {
  /** How often a request is sent at most, the first time included. 3 unless given. */
  tries?: number;
  /** Who is told to wait longer gets the refusal instead. 30 unless given. */
  longestWaitSeconds?: number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  wait: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, milliseconds);
      signal.addEventListener("abort", stop, { once: true });
    }),
};

/** Sends until there is an answer that is worth keeping. `isRepeatable` says that doing it twice does nothing more. */
export async function patiently(
  send: () => Promise<Response>,
  { isRepeatable, signal, retry, clock }: { isRepeatable: boolean; signal: AbortSignal; retry: Retry | false; clock: Clock },
): Promise<Response> {
  const { tries = 3, longestWaitSeconds = 30 } = retry || { tries: 1 };
  for (let sent = 1; ; sent += 1) {
    // Longer each time, since others wait for the same second.
    let seconds = 2 ** (sent - 1);
    try {
      const answer = await send();
      if (sent >= tries || !(await passesByItself(answer, isRepeatable))) return answer;
      seconds = Math.max(seconds, retryAfterSeconds(answer) ?? 0);
      if (seconds > longestWaitSeconds) return answer;
      await answer.body?.cancel();
    } catch (error) {
      // No answer: it may have been done, and only its answer got lost.
      if (sent >= tries || !isRepeatable || signal.aborted) throw error;
    }
    await clock.wait(seconds * 1000, signal);
  }
}

async function passesByItself(answer: Response, isRepeatable: boolean): Promise<boolean> {
  switch (answer.status) {
    // Over a limit nothing is done, so everything may be repeated. Failed log-ins are a person's matter.
    case 429:
      return (await codeOf(answer)) !== "log_in_throttled";
    // The first request with this key is still under way.
    case 409:
      return isRepeatable && (await codeOf(answer)) === "conflict_in_flight";
    // It may have been done (`outcome_unknown`). The other two want an operator.
    case 503:
      return isRepeatable && !["misconfigured", "not_ready"].includes((await codeOf(answer)) ?? "");
    default:
      return false;
  }
}
