/** How people log in: by key alone, or at a provider that has to be there. */
import type { Config } from '../config';
import { fail, ok, warn, type Finding } from './finding';

export async function examineLogin(
  { oidc, http }: Pick<Config, 'oidc' | 'http'>,
  faultOf: (() => Promise<string | undefined>) | undefined,
): Promise<Finding> {
  if (!oidc || !faultOf) return ok('login', 'by API key; OIDC_ISSUER is not set');
  const fault = await faultOf();
  if (fault !== undefined) {
    const text = `the OpenID Connect provider cannot be used: ${fault}`;
    return fail('login', text, 'Check OIDC_ISSUER, to the letter, and the way there');
  }
  const isLocal = new URL(http.publicUrl).protocol === 'http:';
  const isOpen = isLocal && !/^http:\/\/(localhost|127\.|\[::1\])/.test(http.publicUrl);
  return isOpen
    ? warn('login', 'PUBLIC_URL is http, where no login is accepted', 'Set PUBLIC_URL to an https address')
    : ok('login', `by API key and at ${oidc.issuer}, which answers as it should`);
}
