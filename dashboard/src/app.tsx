import { useEffect, useMemo, useState } from 'preact/hooks';
import { useStore } from './live/store';
import { LiveBanner } from './live-banner';
import { LoginPage } from './login';
import { useKeys, type Keys } from './keys';
import { Palette } from './palette';
import { act, Toast } from './parts/actions';
import { Dialog } from './parts/dialog';
import { Loading, ProblemView } from './parts/query-view';
import { go, usePlace, type Place } from './router';
import { SCREENS, screenHref, type Screen } from './screens';
import { ask, logOut, session, type Session } from './session';
import { nextTheme, theme } from './theme';

export function App() {
  const current = useStore(session);
  useEffect(() => void ask(), []);
  switch (current.state) {
    case 'asking':
      return <Loading />;
    case 'failed':
      return (
        <main>
          <h1>Reveille</h1>
          <ProblemView problem={current.problem} retry={() => void ask()} />
        </main>
      );
    case 'out':
      return <LoginPage />;
    case 'in':
      return <Shell session={current} />;
  }
}

type Overlay = 'palette' | 'help' | undefined;

function Shell({ session: { who, byLogin } }: { session: Session & { state: 'in' } }) {
  const place = usePlace();
  const [overlay, setOverlay] = useState<Overlay>();
  useKeys(useMemo(() => pageKeys(setOverlay), []));
  const screen = SCREENS.find(({ path }) => path === (place.screen || 'now'));
  useEffect(() => {
    document.title = `${place.id ?? screen?.title ?? 'Nothing here'} · Reveille`;
    // On a phone the names of the screens scroll.
    document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [place, screen]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="/">
          Reveille
        </a>
        <nav aria-label="Screens">
          {SCREENS.map((s) => (
            <a key={s.path} href={screenHref(s)} aria-current={s === screen ? 'page' : undefined}>
              {s.title}
            </a>
          ))}
        </nav>
        <div class="row end">
          <button type="button" class="plain" onClick={() => setOverlay('palette')} title="Ctrl K">
            Commands
          </button>
          <ThemeButton />
          <button type="button" class="plain" aria-label="Keys" onClick={() => setOverlay('help')}>
            ?
          </button>
          {byLogin && (
            <button
              type="button"
              class="plain"
              title={who.id}
              onClick={() => void act('Logged out.', logOut)}
            >
              Log out
            </button>
          )}
        </div>
      </header>
      <LiveBanner />
      <main id="main" tabIndex={-1}>
        <Shown screen={screen} place={place} />
      </main>
      <Toast />
      {overlay === 'palette' && <Palette onClose={() => setOverlay(undefined)} />}
      {overlay === 'help' && <Help onClose={() => setOverlay(undefined)} />}
    </>
  );
}

function Shown({ screen, place: { id } }: { screen: Screen | undefined; place: Place }) {
  const One = screen?.one;
  if (!screen || (id !== undefined && !One)) {
    return (
      <>
        <h1>Nothing here</h1>
        <p>
          There is no such screen. <a href="/">Now</a> shows what goes on.
        </p>
      </>
    );
  }
  if (id !== undefined && One) return <One key={id} id={id} />;
  return <screen.component />;
}

function pageKeys(show: (overlay: Overlay) => void): Keys {
  const screens = SCREENS.map((screen) => [`g ${screen.key}`, () => go(screenHref(screen))] as const);
  return {
    ...Object.fromEntries(screens),
    'mod k': () => show('palette'),
    '?': () => show('help'),
    '/': () => {
      const search = document.querySelector<HTMLInputElement>('input[type=search]');
      if (search) search.focus();
      else show('palette');
    },
    t: () => void nextTheme(),
  };
}

function ThemeButton() {
  const [current, setCurrent] = useState(theme);
  return (
    <button type="button" class="plain" onClick={() => setCurrent(nextTheme())} title="t">
      Theme: {current}
    </button>
  );
}

const KEYS: ReadonlyArray<[string, string]> = [
  ['/', 'search'],
  ['j, k', 'next, previous'],
  ['Enter', 'open'],
  ['x', 'select a run'],
  ['Ctrl K', 'commands'],
  ['t', 'theme'],
  ['?', 'this list'],
];

function Help({ onClose }: { onClose: () => void }) {
  const rows = [...SCREENS.map(({ key, title }) => [`g ${key}`, title] as const), ...KEYS];
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {rows.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
