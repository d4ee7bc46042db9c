/** What ends a canary at once, without statistics: things of which one is too many. */

/** What was seen of the candidate since its first task. */
export interface Sighted {
  /** Something was done or asked for that the policy does not allow. */
  policyViolations: number;
  /** US dollars, all tasks together. */
  costUsd: number;
  /** When its process ended although nobody asked for it, oldest first. */
  crashes: readonly number[];
  /** A kill switch covers the agent: its message. */
  switchedOff?: string;
}

export interface Tripwires {
  /** US dollars; undefined: no cap. */
  costCapUsd?: number;
  /** So many crashes within the window are a loop. */
  crashes: number;
  crashWindowMs: number;
}

export const TRIPWIRES: Tripwires = { crashes: 3, crashWindowMs: 600_000 };

/** Why the canary is to end, in words; empty: it is not. */
export function tripped(sighted: Sighted, wires: Tripwires, now: number): string[] {
  const { policyViolations, costUsd, crashes, switchedOff } = sighted;
  const recent = crashes.filter((at) => at > now - wires.crashWindowMs).length;
  const cap = wires.costCapUsd;
  return [
    ...(policyViolations > 0 ? [`the policy was violated ${times(policyViolations)}`] : []),
    ...(cap !== undefined && costUsd > cap
      ? [`it has cost ${costUsd.toFixed(2)} USD, and the cap is ${cap.toFixed(2)} USD`]
      : []),
    ...(recent >= wires.crashes
      ? [`it crashed ${times(recent)} within ${Math.round(wires.crashWindowMs / 60_000)} minutes`]
      : []),
    ...(switchedOff === undefined ? [] : [`it is switched off: ${switchedOff}`]),
  ];
}

const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);
