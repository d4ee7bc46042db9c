/** What is wrong with an agent's base URL, in words that follow "the base URL …"; undefined when nothing is. */
export function urlProblem(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (!URL.canParse(text)) return `"${text}" is not a URL`;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return `"${text}" is neither http nor https`;
  // The text itself is not shown: it holds a password.
  if (url.username !== '' || url.password !== '') return 'holds credentials';
  if (url.search !== '' || url.hash !== '') return `"${text}" has a query or a fragment`;
  return undefined;
}

/** The URL without a slash at its end, so that `${url}/run` is right. */
export function normalizeUrl(text: string): string {
  return new URL(text).href.replace(/\/+$/, '');
}
