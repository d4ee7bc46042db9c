/** Mail by SMTP. The library is loaded with the first mail: whoever sends none pays nothing for it. */
import type { Transporter } from 'nodemailer';
import type { Secret } from '../../config/secret';
import { plainText } from '../../domain/notification';
import { CALL_MS, type Channel, type Outgoing, type SendOutcome } from '../channel';
import { faultOf } from '../post';

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export interface EmailOptions {
  /** `smtp://user:password@host:587` (with STARTTLS) or `smtps://…:465`. */
  server: Secret;
  from: string;
  to: readonly string[];
}

export function emailChannel({ server, from, to }: EmailOptions): Channel {
  let opened: Transporter | undefined;
  return {
    name: 'email',
    batch: 10,
    send: async (messages) => {
      try {
        opened ??= await open(server.reveal());
        await opened.sendMail({ from, to: [...to], ...mailOf(messages, from) });
        return { ok: true };
      } catch (error) {
        return failure(error);
      }
    },
    close: async () => opened?.close(),
  };
}

async function open(server: string): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  const url = new URL(server);
  const secure = url.protocol === 'smtps:';
  const user = decodeURIComponent(url.username);
  return createTransport({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    // A password and what is said never go in the clear, except within this machine.
    requireTLS: !secure && !LOOPBACK.test(url.hostname),
    ...(user !== '' && { auth: { user, pass: decodeURIComponent(url.password) } }),
    connectionTimeout: CALL_MS,
    greetingTimeout: CALL_MS,
    socketTimeout: CALL_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

function mailOf(messages: readonly Outgoing[], from: string) {
  const [first] = messages;
  const more = messages.length > 1 ? ` (and ${messages.length - 1} more)` : '';
  const host = from.replace(/^.*@/, '').replace(/[^a-zA-Z0-9.-].*$/, '') || 'reveille';
  return {
    subject: `[Reveille] ${first?.message.state === 'over' ? 'Over: ' : ''}${first?.message.title ?? ''}${more}`,
    text: messages.map(({ message }) => plainText(message)).join('\n\n'),
    // The same at every try, so that a mail that came twice is known for one.
    messageId: `<${first?.id ?? ''}@${host}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

/** 5xx is the server's final word, except on who we are: that is mended in the configuration. */
function failure(error: unknown): SendOutcome {
  const { responseCode, code } = error as { responseCode?: number; code?: string };
  const final = responseCode !== undefined && responseCode >= 500 && code !== 'EAUTH';
  const said = responseCode === undefined ? faultOf(error) : `the server answered ${responseCode}`;
  return { ok: false, error: code === 'EAUTH' ? `${said} to the login` : said, final };
}
