/** The environment variables that belong to an agent, by its id. */

/** The environment, as `process.env` has it. */
export type Env = Readonly<Record<string, string | undefined>>;

export const AGENT_VARIABLE_PREFIXES = {
  capsuleId: 'CC_CAPSULE_ID_',
  baseUrl: 'CC_AGENT_URL_',
  secret: 'CC_AGENT_SECRET_',
} as const;

export type AgentVariables = Readonly<Record<keyof typeof AGENT_VARIABLE_PREFIXES, string>>;

/** `site-crawler` → `CC_CAPSULE_ID_SITE_CRAWLER` and so on. */
export function agentVariables(agentId: string): AgentVariables {
  const suffix = agentId.toUpperCase().replace(/[^A-Z0-9]+/g, '_');
  const { capsuleId, baseUrl, secret } = AGENT_VARIABLE_PREFIXES;
  return { capsuleId: capsuleId + suffix, baseUrl: baseUrl + suffix, secret: secret + suffix };
}
