import { assayError, listInLine } from '@assay/bytes/findings';
import type { Verifier } from '@assay/evidence';
import { ProtocolError, parseTee } from '@assay/protocol';

/** The verifiers that are on, built once at start. */
export class VerifierRegistry {
  readonly #verifiers: ReadonlyMap<string, Verifier>;

  /** @throws Error when two verifiers are for one TEE: that is a mistake of the composition, not of a request. */
  constructor(verifiers: readonly Verifier[]) {
    const byTee = new Map<string, Verifier>();
    for (const verifier of verifiers) {
      if (byTee.has(verifier.tee)) throw new Error(`two verifiers for ${verifier.tee}`);
      byTee.set(verifier.tee, verifier);
    }
    this.#verifiers = byTee;
  }

  /** Names of the TEEs that are served. */
  get tees(): readonly string[] {
    return [...this.#verifiers.keys()].sort();
  }

  /** The verifier of a TEE, in any spelling that clients use. @throws AssayError `request.tee.known` */
  find(name: string): Verifier {
    const verifier = this.#verifiers.get(canonicalName(name));
    if (verifier !== undefined) return verifier;
    const list = listInLine(this.tees, 16);
    throw assayError('request.tee.known', {
      params: { actual: name, list },
      subject: 'tee',
      expected: this.tees,
      actual: name,
      source: 'verifiers that are switched on here',
    });
  }
}

function canonicalName(name: string): string {
  try {
    return parseTee(name);
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return name;
    throw thrown;
  }
}
