import type { AdminAct, AdminPrincipal } from '../types.js';

/** What the audit keeps of an administrator. */
export function actor(by: AdminPrincipal): AdminAct['by'] {
  return { subject: by.subject, role: by.role, ...(by.address === undefined ? {} : { address: by.address }) };
}
