/** An Attestation Service for tests: believes `sample` evidence that binds its runtime data, and can be told to misbehave. */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type {
  AttestationBackend,
  EvaluateRequest,
  Evaluation,
  EvidenceEntry,
  SetPolicyResult,
} from '@assay/attestation-service';
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from '@assay/bytes';
import { assayError, assembleVerdict, type FindingDraft, failed, passed } from '@assay/bytes/findings';
import { exportPublicJwk, isTee, signJwt } from '@assay/protocol';

export class TestBackend implements AttestationBackend {
  readonly key: KeyObject;
  readonly #jwk: JsonObject;
  readonly #now: () => Date;
  evaluations: EvaluateRequest[] = [];
  readonly policies = new Map<string, string>();
  readonly values = new Map<string, JsonValue>();
  /** What the next evaluation does instead. */
  misbehave: ((request: EvaluateRequest) => Promise<Evaluation> | undefined) | undefined;
  challenges = new Map<string, string>();
  tokenSeconds = 300;
  delayMs = 0;

  constructor(now: () => Date) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.key = privateKey;
    this.#jwk = { ...exportPublicJwk(publicKey), alg: 'ES256' };
    this.#now = now;
  }

  async evaluate(request: EvaluateRequest): Promise<Evaluation> {
    this.evaluations.push(request);
    if (this.delayMs > 0) await new Promise((done) => setTimeout(done, this.delayMs));
    const other = this.misbehave?.(request);
    if (other !== undefined) return other;
    const findings = request.entries.flatMap((entry) => this.#check(entry));
    const verdict = assembleVerdict({
      kind: request.entries[0]?.tee ?? 'none',
      ...(request.attempt === undefined ? {} : { attempt: request.attempt }),
      at: this.#now(),
      findings,
      asked: false,
    });
    return verdict.verdict === 'accept' ? { verdict, token: this.token(this.claims(request)) } : { verdict };
  }

  claims(request: EvaluateRequest): JsonObject {
    const counts = new Map<string, number>();
    const submods = request.entries.map((entry) => {
      const kind = entry.tee === 'sampledevice' ? 'gpu' : 'cpu';
      const n = counts.get(kind) ?? 0;
      counts.set(kind, n + 1);
      const { runtimeData, evidence } = entry;
      const annotated: JsonObject = {
        [entry.tee]: evidence,
        report_data: isJsonObject(evidence) ? (evidence['report_data'] ?? null) : null,
        runtime_data_claims: runtimeData.form === 'structured' ? runtimeData.value : null,
      };
      return [`${kind}${n}`, { 'ear.status': 'affirming', 'ear.veraison.annotated-evidence': annotated }] as const;
    });
    return { submods: Object.fromEntries(submods) };
  }

  /** A token like the Attestation Service's, over any claims. */
  token(claims: JsonObject, key: KeyObject = this.key, header: JsonObject = { jwk: this.#jwk }): string {
    const iat = Math.floor(this.#now().getTime() / 1000);
    return signJwt(
      { iss: 'CoCo-Attestation-Service', iat, exp: iat + this.tokenSeconds, ...claims },
      key,
      'ES256',
      header,
    );
  }

  async challenge(tee: string, _params: string): Promise<string> {
    if (!isTee(tee) || tee === 'tpm')
      throw assayError('request.tee.known', { params: { actual: tee, list: 'sample' }, actual: tee });
    return this.challenges.get(tee) ?? '';
  }

  async setPolicy(id: string, text: string): Promise<SetPolicyResult> {
    this.policies.set(id, text);
    const policy = {
      id,
      version: 1,
      digest: '',
      changedAt: '',
      changedBy: { subject: '', method: '' },
      bytes: text.length,
    };
    return { policy, warnings: [] };
  }

  async getPolicy(): Promise<undefined> {}

  async listPolicies() {
    return [];
  }

  async policyHistory() {
    return [];
  }

  async deletePolicy(): Promise<boolean> {
    return false;
  }

  async jwks() {
    return { keys: [this.#jwk] };
  }

  readonly referenceValues: AttestationBackend['referenceValues'] = {
    snapshot: () => Promise.reject(new Error('no policy asks this one')),
    query: async (name: string) => this.values.get(name),
    registerMessage: async (message: string) => {
      const { payload } = JSON.parse(message) as { payload: string };
      const record = JSON.parse(Buffer.from(payload, 'base64').toString()) as Record<string, JsonValue>;
      for (const [name, value] of Object.entries(record)) this.values.set(name, value);
      return Object.keys(record);
    },
  };

  async readiness() {
    return [];
  }

  async close(): Promise<void> {}

  #check(entry: EvidenceEntry): FindingDraft[] {
    const { evidence, runtimeData, hashAlgorithm = 'sha384' } = entry;
    const given = isJsonObject(evidence) ? evidence['report_data'] : undefined;
    if (typeof given !== 'string') {
      return [
        failed('evidence.json.form', { params: { member: 'report_data', actual: 'absent', expected: 'base64' } }),
      ];
    }
    if (runtimeData.form !== 'structured') throw new Error('the broker gives structured runtime data');
    const texts = runtimeData.preimages?.map((one) => one.text) ?? [canonicalJson(runtimeData.value)];
    const wanted = texts.map((text) => createHash(hashAlgorithm).update(text).digest('base64'));
    if (wanted.includes(given)) return [passed('binding.report-data.match', entry.tee)];
    const params = { actual: given, expected: wanted[0] ?? '', alg: hashAlgorithm, members: 'runtime data' };
    return [failed('binding.report-data.match', { params, subject: entry.tee })];
  }
}
