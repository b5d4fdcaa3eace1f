// The accounts of the ledger.

/**
 * Accounts. A positive entry is what the account has or is owed, a negative one what it owes: `provider:<name>` keeps
 * the money, `held:<order>` owes it to whoever the order's end names, `seller:<id>` owes it to the seller; what
 * `platform:…` owes is the platform's own.
 */
export const account = {
  provider: ({ provider }: { readonly provider: string }) => `provider:${provider}`,
  held: ({ order_id }: { readonly order_id: string }) => `held:${order_id}`,
  seller: ({ seller_id }: { readonly seller_id: string }) => `seller:${seller_id}`,
  fees: 'platform:fees',
  delivery: 'platform:delivery',
  losses: 'platform:losses',
} as const;
