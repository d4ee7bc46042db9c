/** Server-sent events out of bytes. */
export interface Frame {
  id?: string;
  event: string;
  data: string;
}

/** More than any event of ours; a stream without an end of line does not fill the memory. */
const MAX_FRAME_CHARS = 4_000_000;

/** @param alive called for every piece that comes, comments included */
export async function* frames(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<Frame> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      text += decoder.decode(value, { stream: true });
      if (text.length > MAX_FRAME_CHARS) throw new Error('an event is too long');
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const frame = frameOf(part);
        if (frame) yield frame;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined); // it is broken or over already
  }
}

function frameOf(text: string): Frame | undefined {
  const fields: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf(':');
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, '');
  }
  const { id, event, data } = fields;
  return event === undefined ? undefined : { event, data: data ?? '', ...(id !== undefined && { id }) };
}
