// The words of notifications in English.
import type { Facts } from './facts.ts';
import { quoted, sentence, type Words } from './words.ts';

const item = ({ title }: Facts, otherwise = 'your purchase'): string => quoted(title, '“', '”', otherwise);
const because = ({ reason }: Facts): string => (reason ? ` Reason: ${sentence(reason)}` : '');

export const en: Words = {
  messages: {
    order_created: (facts) => ({
      title: 'Order placed',
      text: `We keep ${item(facts, 'the item')} for you: all that is left is to pay.`,
    }),
    order_paid: (facts) => ({
      title: 'Order paid',
      text: `Your payment for ${item(facts, 'the order')} went through. The seller hands the parcel over to the courier${facts.estimated ? `; expect it ${facts.estimated}` : ''}.`,
    }),
    payment_failed: (facts) => ({
      title: 'Payment failed',
      text: `The order for ${item(facts, 'the item')} is cancelled: the payment did not go through, and nothing was charged.${because(facts)}`,
    }),
    order_shipped: (facts) => ({
      title: 'Your parcel is on its way',
      text: `The courier has ${item(facts)}${facts.estimated ? `; expect it ${facts.estimated}` : ''}.`,
    }),
    order_at_pickup_point: (facts) => ({
      title: 'Your parcel is waiting for you',
      text: `You can collect ${item(facts)} at the pick-up point.`,
    }),
    order_delivered: (facts) => ({
      title: 'Parcel delivered',
      text: `${item(facts, 'Your purchase')} has arrived. Check that it is what the seller promised, and accept it.`,
    }),
    order_completed: (facts) => ({
      title: 'Order completed',
      text: `The purchase of ${item(facts, 'the item')} is complete, and the seller gets the money. Tell others how it went.`,
    }),
    order_cancelled: (facts) => ({
      title: 'Order cancelled',
      text: `The order for ${item(facts, 'the item')} is cancelled.${because(facts)} If you have paid, the money goes back to your card.`,
    }),
    order_refunded: (facts) => ({
      title: 'Money returned',
      text: `We have returned the money for ${item(facts, 'the order')}${facts.total ? `: ${facts.total}` : ''}. Your bank will book it within a few days.`,
    }),
    sale_paid: (facts) => ({
      title: 'Your item was bought',
      text: `The buyer has paid for ${item(facts, 'your item')}. Pack it and hand it over to the courier.`,
    }),
    sale_completed: (facts) => ({
      title: 'Sale completed',
      text: `The buyer has accepted ${item(facts, 'your item')}, and the money is on its way to you.`,
    }),
    sale_cancelled: (facts) => ({
      title: 'Sale cancelled',
      text: `The order for ${item(facts, 'your item')} is cancelled.${because(facts)}`,
    }),
    ad_rejected: (facts) => ({
      title: 'Ad rejected',
      text: `A moderator rejected ${item(facts, 'your ad')}.${because(facts)}`,
    }),
    report_resolved: (facts) => ({
      title: 'Report resolved',
      text: facts.reason ? `A moderator answered: ${sentence(facts.reason)}` : 'A moderator has looked at your report.',
    }),
    messages_unread: (facts) => ({
      title: 'Unread messages',
      text: `${facts.sender ?? 'Somebody'} wrote to you about ${item(facts, 'an ad')}${facts.unread === null ? '' : `. Unread messages: ${facts.unread}`}.`,
    }),
  },
  reasons: {
    buyer_cancelled: 'the buyer changed their mind',
    payment_declined: 'the bank declined the payment',
    payment_timeout: 'the order was not paid in time',
    payment_error: 'the payment broke down',
    courier_refused: 'the courier did not take the parcel',
    parcel_returned: 'the parcel went back to the seller',
    parcel_lost: 'the parcel was lost on its way',
    delivery_timeout: 'the parcel was not delivered in time',
    ad_unavailable: 'the item is sold already',
    operator_cancelled: 'our support cancelled the order',
    declined: 'the bank declined the payment',
    declined_by_bank: 'the bank declined the payment',
    card_declined: 'the bank declined the card',
    insufficient_funds: 'there is not enough money on the card',
    authentication_failed: 'the bank could not confirm that it was you',
    '3d_secure_failed': 'the bank could not confirm that it was you',
    three_d_secure_failed: 'the bank could not confirm that it was you',
    expired: 'the time to pay ran out',
    timeout: 'the time to pay ran out',
    cancelled: 'the payment was cancelled',
  },
  greeting: (name) => `Hello ${name},`,
  labels: {
    order: 'Order',
    item: 'Item',
    total: 'Total',
    estimated: 'Expected delivery',
    trackingNumber: 'Tracking number',
    pickupPoint: 'Pick-up point',
    reason: 'Reason',
  },
  openOrder: 'Open the order',
  digest: (notices) => `${notices} updates on your orders`,
  unsubscribe: 'Get no more mails like this',
  openConversation: 'Open the conversation',
  chatFooter:
    'This mail is about messages to you on Lotok. Answer there, not to this mail; your profile says which mails you get.',
  footer: 'This mail is about your order on Lotok. There is no need to answer it.',
};
