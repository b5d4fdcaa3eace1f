// The words of notifications: what each language has to say.
import type { NotificationKind } from '../../../contracts/notifications.ts';
import type { Facts } from './facts.ts';

/** A title of a few words, and a sentence or two that are enough without it. */
export interface Message {
  readonly title: string;
  readonly text: string;
}

export interface Words {
  readonly messages: Readonly<Record<NotificationKind, (facts: Facts) => Message>>;
  /** Why something was cancelled or declined, by the codes that services give. */
  readonly reasons: Readonly<Record<string, string>>;
  readonly greeting: (name: string) => string;
  readonly labels: {
    readonly order: string;
    readonly item: string;
    readonly total: string;
    readonly estimated: string;
    readonly trackingNumber: string;
    readonly pickupPoint: string;
    readonly reason: string;
  };
  readonly openOrder: string;
  readonly openConversation: string;
  readonly footer: string;
  /** The title of a mail with several notices. */
  readonly digest: (notices: number) => string;
  /** Leads to the end of mails that are not about money. */
  readonly unsubscribe: string;
  readonly chatFooter: string;
}

/** `«Bicycle»`, or a plain word while the title is not known. */
export const quoted = (title: string | null, open: string, close: string, otherwise: string): string =>
  title === null ? otherwise : `${open}${title}${close}`;

/** With a full stop, unless somebody ended it otherwise. */
export const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);
