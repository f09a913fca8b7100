/** Lifecycle states of a CCA platform (Arm DEN0137, A7.2.3.2.7): sixteen low bits of each state are split between state and maker. */
const STATES: ReadonlyMap<number, string> = new Map([
  [0x00, 'unknown'],
  [0x10, 'assembly and test'],
  [0x20, 'platform RoT provisioning'],
  [0x30, 'secured'],
  [0x40, 'non-CCA platform RoT debug'],
  [0x50, 'recoverable CCA platform RoT debug'],
  [0x60, 'decommissioned'],
]);
const SECURED = 0x30;

/** The state of 0x3000 to 0x30ff: no other one protects the platform's keys. */
export function isSecured(lifecycle: number): boolean {
  return lifecycle >> 8 === SECURED;
}

export function lifecycleName(lifecycle: number): string {
  return STATES.get(lifecycle >> 8) ?? 'not defined';
}

/** `0x3003` */
export function lifecycleHex(lifecycle: number): string {
  return `0x${lifecycle.toString(16).padStart(4, '0')}`;
}
