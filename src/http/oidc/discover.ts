/** Reads what a provider tells of itself, and prepares the library to talk to it. */
import type { OidcSettings } from './settings';

/** One call to the provider. */
const CALL_SECONDS = 10;
/** Documents, keys and tokens of a provider: a few kilobytes each. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** How far causes are followed. */
const MAX_CAUSES = 5;

const load = () => import('openid-client');
type Library = Awaited<ReturnType<typeof load>>;
type Configuration = InstanceType<Library['Configuration']>;

export interface Discovered {
  library: Library;
  configuration: Configuration;
  /** Whether an error says that the provider could not be asked, rather than that it refuses. */
  isAway: (error: unknown) => boolean;
}

/** @throws when it does not answer, or is not who it should be */
export async function discover(settings: OidcSettings): Promise<Discovered> {
  const { issuer, clientId, clientSecret } = settings;
  const library = await load();
  const server = new URL(issuer);
  const authentication = clientSecret ? bySecret(library, clientSecret.reveal()) : library.None();
  const configuration = await library.discovery(server, clientId, undefined, authentication, {
    timeout: CALL_SECONDS,
    execute: [
      // Signatures of ID tokens are checked although they come straight from the provider.
      library.enableNonRepudiationChecks,
      // Only an issuer on this machine may be without TLS; the configuration saw to that.
      ...(server.protocol === 'http:' ? [library.allowInsecureRequests] : []),
    ],
    [library.customFetch]: boundedFetch,
  });
  const named = configuration.serverMetadata().issuer;
  if (named !== issuer) throw new Error(`the provider names itself ${named}, OIDC_ISSUER says ${issuer}`);
  return { library, configuration, isAway: (error) => isAway(library, error) };
}

/** In the header, as the standard has it by default, unless the provider only takes it in the body. */
function bySecret(library: Library, secret: string): ReturnType<Library['ClientSecretBasic']> {
  const [inHeader, inBody] = [library.ClientSecretBasic(secret), library.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const ways = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    return (ways.includes('client_secret_basic') ? inHeader : inBody)(server, ...rest);
  };
}

function isAway(library: Library, error: unknown): boolean {
  if (error instanceof library.ResponseBodyError) return error.status >= 500;
  if (error instanceof library.ClientError && error.code === 'OAUTH_TIMEOUT') return true;
  let cause: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth += 1) {
    if (cause instanceof TypeError && cause.message === 'fetch failed') return true;
    ({ cause } = cause);
  }
  return cause instanceof Response && cause.status >= 500;
}

/** As `fetch`, with an end to how much is read. Redirects are not followed: the library sees to that. */
async function boundedFetch(url: string, options: object): Promise<Response> {
  const response = await fetch(url, options);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES)
      throw new Error(`an answer of the provider is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  const { status, headers } = response;
  const body = size === 0 ? null : Buffer.concat(chunks);
  return new Response(body, { status, headers });
}
