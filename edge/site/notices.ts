// What a page says after a redirect that followed a change: `?done=…` names the sentence, never holds it.
import { notice } from './components.ts';
import type { Html } from './html.ts';
import type { Strings } from './i18n.ts';
import type { Visit } from './visit.ts';

const sentences = {
  review: (t: Strings) => t.order.reviewThanks,
  active: (t: Strings) => t.sell.published,
  moderation: (t: Strings) => t.sell.inModeration,
  draft: (t: Strings) => t.sell.draftSaved,
  archived: (t: Strings) => t.sell.archived,
  saved: (t: Strings) => t.sell.saved,
  moderated: (t: Strings) => t.moderation.done,
  decided: (t: Strings) => t.operations.decided,
} as const;
export type Done = keyof typeof sentences;

export function doneNotice({ url, t }: Visit): Html {
  const done = url.searchParams.get('done') ?? '';
  return notice(Object.hasOwn(sentences, done) ? sentences[done as Done](t) : null);
}
