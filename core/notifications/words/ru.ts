// The words of notifications in Russian.
import type { Facts } from './facts.ts';
import { quoted, sentence, type Words } from './words.ts';

const item = ({ title }: Facts, otherwise = 'покупка'): string => quoted(title, '«', '»', otherwise);
const because = ({ reason }: Facts): string => (reason ? ` Причина: ${sentence(reason)}` : '');

export const ru: Words = {
  messages: {
    order_created: (facts) => ({
      title: 'Заказ оформлен',
      text: `Мы держим для вас ${item(facts, 'товар')}: осталось оплатить.`,
    }),
    order_paid: (facts) => ({
      title: 'Заказ оплачен',
      text: `Оплата за ${item(facts, 'заказ')} прошла. Продавец передаёт посылку в доставку${facts.estimated ? `, ждите её ${facts.estimated}` : ''}.`,
    }),
    payment_failed: (facts) => ({
      title: 'Оплата не прошла',
      text: `Заказ на ${item(facts, 'товар')} отменён: оплата не прошла, деньги не списаны.${because(facts)}`,
    }),
    order_shipped: (facts) => ({
      title: 'Посылка в пути',
      text: `${item(facts, 'Посылка')} — уже у курьера${facts.estimated ? `, ждите ${facts.estimated}` : ''}.`,
    }),
    order_at_pickup_point: (facts) => ({
      title: 'Посылка ждёт вас',
      text: `Можно забирать: ${item(facts, 'посылка')} — в пункте выдачи.`,
    }),
    order_delivered: (facts) => ({
      title: 'Посылка доставлена',
      text: `${item(facts, 'Посылка')}: проверьте, всё ли так, как обещал продавец, и подтвердите получение.`,
    }),
    order_completed: (facts) => ({
      title: 'Заказ завершён',
      text: `${item(facts, 'Заказ')}: сделка закрыта, продавец получит деньги. Расскажите другим, как всё прошло.`,
    }),
    order_cancelled: (facts) => ({
      title: 'Заказ отменён',
      text: `Заказ на ${item(facts, 'товар')} отменён.${because(facts)} Деньги, если вы уже заплатили, вернутся на карту.`,
    }),
    order_refunded: (facts) => ({
      title: 'Деньги возвращены',
      text: `Мы вернули деньги за ${item(facts, 'заказ')}${facts.total ? `: ${facts.total}` : ''}. Банк зачислит их за несколько дней.`,
    }),
    sale_paid: (facts) => ({
      title: 'Ваш товар купили',
      text: `${item(facts, 'Товар')}: покупатель заплатил. Упакуйте посылку и передайте её курьеру.`,
    }),
    sale_completed: (facts) => ({
      title: 'Продажа завершена',
      text: `${item(facts, 'Продажа')}: покупатель всё принял, деньги отправлены вам.`,
    }),
    sale_cancelled: (facts) => ({
      title: 'Продажа отменена',
      text: `Заказ на ${item(facts, 'ваш товар')} отменён.${because(facts)}`,
    }),
    ad_rejected: (facts) => ({
      title: 'Объявление отклонено',
      text: `Модератор отклонил ваше объявление${facts.title ? ` «${facts.title}»` : ''}.${because(facts)}`,
    }),
    report_resolved: (facts) => ({
      title: 'Жалоба рассмотрена',
      text: facts.reason ? `Ответ модератора: ${sentence(facts.reason)}` : 'Модератор рассмотрел вашу жалобу.',
    }),
    messages_unread: (facts) => ({
      title: 'Непрочитанные сообщения',
      text: `${facts.sender ?? 'Собеседник'}: новые сообщения${facts.title ? ` по объявлению «${facts.title}»` : ''}${facts.unread === null ? '' : `. Не прочитано: ${facts.unread}`}.`,
    }),
  },
  reasons: {
    buyer_cancelled: 'покупатель передумал',
    payment_declined: 'банк отклонил платёж',
    payment_timeout: 'заказ не был оплачен вовремя',
    payment_error: 'сбой при оплате',
    courier_refused: 'служба доставки не приняла посылку',
    parcel_returned: 'посылка вернулась продавцу',
    parcel_lost: 'посылка потерялась в пути',
    delivery_timeout: 'посылка не была доставлена вовремя',
    ad_unavailable: 'товар уже продан',
    operator_cancelled: 'заказ отменила наша служба поддержки',
    declined: 'банк отклонил платёж',
    declined_by_bank: 'банк отклонил платёж',
    card_declined: 'банк отклонил карту',
    insufficient_funds: 'на карте недостаточно денег',
    authentication_failed: 'банк не подтвердил, что платите вы',
    '3d_secure_failed': 'банк не подтвердил, что платите вы',
    three_d_secure_failed: 'банк не подтвердил, что платите вы',
    expired: 'время на оплату вышло',
    timeout: 'время на оплату вышло',
    cancelled: 'платёж отменён',
  },
  greeting: (name) => `Здравствуйте, ${name}!`,
  labels: {
    order: 'Заказ',
    item: 'Товар',
    total: 'Сумма',
    estimated: 'Доставка ориентировочно',
    trackingNumber: 'Номер для отслеживания',
    pickupPoint: 'Пункт выдачи',
    reason: 'Причина',
  },
  openOrder: 'Открыть заказ',
  digest: (notices) => `Новости о ваших заказах: ${notices}`,
  unsubscribe: 'Не получать такие письма',
  openConversation: 'Открыть переписку',
  chatFooter:
    'Это письмо о сообщениях для вас на Lotok. Отвечайте там, а не на это письмо; какие письма приходят, решаете вы в профиле.',
  footer: 'Это письмо о вашем заказе на Lotok. Отвечать на него не нужно.',
};
