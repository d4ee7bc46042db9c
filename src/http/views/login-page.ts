/** What a person sees when a login at a provider did not succeed. */
import { PROBLEMS } from '../problem-catalogue';
import type { Problem } from '../problems';
import { escaped, page } from './approval-page';

export function failedLoginPage({ code, options }: Problem): string {
  const { title, hint } = PROBLEMS[code];
  const detail = options.detail === undefined ? '' : `<p>${escaped(options.detail)}</p>`;
  return page(
    'Not logged in',
    `<h1>Not logged in</h1><p class="state" role="alert">${escaped(title)}.</p>${detail}
<p>${escaped(hint)}</p><p><a href="/">Back to the login</a></p>`,
  );
}
