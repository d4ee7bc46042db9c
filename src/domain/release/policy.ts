/** Changing the rules of an environment, field by field. */
import type { EnvironmentPolicy } from './environment';

/** What is to be different; null takes a rule away, what is left out stays. */
export interface PolicyWish {
  promoteFrom?: string | null | undefined;
  approvals?: number | undefined;
  demands?: EnvironmentPolicy['demands'] | undefined;
  allow?: readonly string[] | undefined;
  stickyBy?: string | null | undefined;
  keepPreviousWarmMs?: number | undefined;
  tolerancePercent?: number | null | undefined;
  permissions?: readonly string[] | null | undefined;
}

export function withPolicy(before: EnvironmentPolicy, wish: PolicyWish): EnvironmentPolicy {
  const { stickyBy, promoteFrom } = before;
  const sticky = wish.stickyBy === undefined ? stickyBy : (wish.stickyBy ?? undefined);
  const from = wish.promoteFrom === undefined ? promoteFrom : (wish.promoteFrom ?? undefined);
  const tolerance =
    wish.tolerancePercent === undefined ? before.tolerancePercent : (wish.tolerancePercent ?? undefined);
  const permissions = wish.permissions === undefined ? before.permissions : (wish.permissions ?? undefined);
  return {
    allow: [...new Set(wish.allow ?? before.allow)],
    demands: [...new Set(wish.demands ?? before.demands)],
    approvals: wish.approvals ?? before.approvals,
    keepPreviousWarmMs: wish.keepPreviousWarmMs ?? before.keepPreviousWarmMs,
    ...(sticky !== undefined && { stickyBy: sticky }),
    ...(from !== undefined && { promoteFrom: from }),
    ...(tolerance !== undefined && { tolerancePercent: tolerance }),
    ...(permissions !== undefined && { permissions: [...new Set(permissions)] }),
  };
}
