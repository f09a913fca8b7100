/** What an owner asks of NVIDIA devices beyond authentic reports. */

/** `required`: nothing is accepted without. `optional`: compared where it is at hand, otherwise said to be missing. `off`: not asked. */
export type Demand = 'required' | 'optional' | 'off';

export interface NvidiaRules {
  /** Golden measurements of driver and VBIOS. Default `optional`. */
  readonly rim?: Demand;
  /** Revocation status of every certificate that NVIDIA issued. Default `optional`. */
  readonly ocsp?: Demand;
}
