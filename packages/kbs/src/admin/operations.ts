/** Administrative calls of the KBS protocol other than plug-in routes: policies and reference values. */
import { type AttestationBackend, policyDigest } from '@assay/attestation-service';
import { DecodeError, decodeBase64url, decodeUtf8, type JsonValue } from '@assay/bytes';
import { AssayError, assayError } from '@assay/bytes/findings';
import { parseReferenceValueMessage, parseSetAttestationPolicy, parseSetResourcePolicy } from '@assay/protocol';
import { actor } from '../audit/actor.js';
import type { AuditLog } from '../audit/log.js';
import { type KbsOperation, refusal } from '../errors.js';
import type { ResourcePolicyStore } from '../policy/store.js';
import { asKnownError, parseBody, reading } from '../protocol-fault.js';
import type { AdminAct, AdminOperations, AdminPrincipal, KbsLimits, Page, RefusedAct } from '../types.js';

const METHOD = 'admin-jwt';

export interface OperationsOptions {
  readonly attestation: AttestationBackend;
  readonly policies: ResourcePolicyStore;
  readonly audit: AuditLog;
  readonly limits: KbsLimits;
}

export class Operations implements AdminOperations {
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  setResourcePolicy(body: Uint8Array, by: AdminPrincipal): Promise<void> {
    return answering('resource-policy', async () => {
      const message = this.#read(body, 'resource-policy', parseSetResourcePolicy);
      await this.#options.policies.set(this.#policyText(message.policy), by);
    });
  }

  setAttestationPolicy(body: Uint8Array, by: AdminPrincipal): Promise<void> {
    return answering('attestation-policy', async () => {
      const message = this.#read(body, 'attestation-policy', parseSetAttestationPolicy);
      const text = this.#policyText(message.policy);
      await this.#options.attestation.setPolicy(message.policy_id, text, { subject: by.subject, method: METHOD });
      await this.#options.audit.recordAct({
        by: actor(by),
        act: 'attestation-policy.set',
        object: message.policy_id,
        digest: policyDigest(text),
      });
    });
  }

  registerReferenceValue(body: Uint8Array, by: AdminPrincipal): Promise<void> {
    return answering('reference-value', async () => {
      this.#read(body, 'reference-value', parseReferenceValueMessage);
      const message = Buffer.from(body).toString('utf8');
      const authenticated = { subject: by.subject, method: METHOD };
      const names = await this.#options.attestation.referenceValues.registerMessage(message, { authenticated });
      await this.#options.audit.recordAct({
        by: actor(by),
        act: 'reference-value.register',
        object: names.join(', ').slice(0, 1000),
        digest: policyDigest(message),
      });
    });
  }

  referenceValue(name: string, _by: AdminPrincipal): Promise<string> {
    return answering('reference-value', async () => {
      const value = await this.#options.attestation.referenceValues.query(name);
      return JSON.stringify(value ?? null);
    });
  }

  record(act: Omit<AdminAct, 'id' | 'at' | 'by'>, by: AdminPrincipal): Promise<void> {
    return this.#options.audit.recordAct({ ...act, by: actor(by) });
  }

  acts(options: { readonly after?: string; readonly limit?: number } = {}): Promise<Page<AdminAct>> {
    return this.#options.audit.acts(options);
  }

  refused(options: { readonly after?: string; readonly limit?: number } = {}): Promise<Page<RefusedAct>> {
    return this.#options.audit.refusedActs(options);
  }

  #read<T>(body: Uint8Array, call: string, parse: (json: JsonValue) => T): T {
    const { limits } = this.#options;
    // base64url is a third longer than the policy it holds.
    const json = parseBody(body, call, { bytes: 2 * limits.policyBytes, depth: limits.jsonDepth });
    return reading(() => parse(json));
  }

  #policyText(encoded: string): string {
    const { policyBytes } = this.#options.limits;
    try {
      const bytes = decodeBase64url(encoded);
      if (bytes.length > policyBytes)
        throw assayError('request.body.size', { params: { actual: bytes.length, limit: policyBytes } });
      return decodeUtf8(bytes);
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      throw assayError('policy.body.form', { params: { what: cause.message }, cause });
    }
  }
}

async function answering<T>(operation: KbsOperation, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw refusal(thrown instanceof AssayError ? thrown : asKnownError(thrown), { operation });
  }
}
