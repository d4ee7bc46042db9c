import { useEffect, useState } from 'preact/hooks';
import { asProblem, get, type Problem } from './api/client';
import { ProblemView } from './parts/query-view';
import { logIn } from './session';

export function LoginPage() {
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const key = new FormData(event.currentTarget as HTMLFormElement).get('key');
    setBusy(true);
    await logIn(typeof key === 'string' ? key.trim() : '').catch((error: unknown) => {
      setProblem(asProblem(error));
      setBusy(false);
    });
  };
  return (
    <main class="login">
      <h1>Reveille</h1>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          API key
          <input name="key" type="password" autocomplete="current-password" required autofocus />
        </label>
        <button class="main" disabled={busy}>
          {busy ? 'Logging in…' : 'Log in'}
        </button>
      </form>
      <SingleSignOn />
      {problem && <ProblemView problem={problem} />}
      <p class="dim">
        Keys are made by an administrator: <code>reveille keys create</code>. The key itself is not kept in
        this browser.
      </p>
    </main>
  );
}

/** A link rather than a form: the provider is another site, to which our pages may send no form. */
function SingleSignOn() {
  const [offered, setOffered] = useState(false);
  useEffect(() => {
    // Without an answer there is still the key.
    get<{ methods: string[] }>('/session/methods').then(
      ({ methods }) => setOffered(methods.includes('oidc')),
      () => setOffered(false),
    );
  }, []);
  if (!offered) return null;
  const { pathname, search } = window.location;
  return (
    <a class="button sso" href={`/session/oidc?to=${encodeURIComponent(pathname + search)}`}>
      Log in with single sign-on
    </a>
  );
}
