import type { KeyObject } from 'node:crypto';
import { encodeHex, type JsonObject } from '@assay/bytes';
import type { KeyStore } from '../keys/key-store.js';
import type { EmulatedCertificate } from '../x509/certificate.js';
import { type CrlFields, makeCrl, type RevokedCertificate } from '../x509/crl.js';
import { CA_NAMES, type CertificateEdit, IntelPki, ROOT_NAME } from './pki.js';
import type { IntelPlatform, PckCa } from './platform.js';
import { DEFAULT_QE_LEVELS, type QeIdentityFields, qeIdentityDocument, quotingEnclaveSigner } from './qe-identity.js';
import { signFixed } from './quote.js';
import {
  DEFAULT_MODULES,
  defaultLevels,
  type IntelTee,
  seconds,
  type TcbInfoFields,
  type TcbLevel,
  type TdxModuleIdentity,
  tcbInfoDocument,
} from './tcb-info.js';

/** Orders for a signed JSON document. */
export interface DocumentOrders<Fields> {
  /** Says other things, correctly signed. */
  readonly fields?: Partial<Fields>;
  /** Changes the document before it is signed. */
  readonly document?: (document: JsonObject) => JsonObject;
  /** Changes the text before it is signed: duplicate members, white space. */
  readonly text?: (text: string) => string;
  /** Changes the text after it was signed. */
  readonly afterSigning?: (text: string) => string;
  readonly signer?: KeyObject;
  /** Chain that is handed out with it, leaf first. */
  readonly chain?: string;
}

/** What the emulated vendor shall do otherwise. Everything left out is as it should be. */
export interface IntelOrders {
  readonly root?: CertificateEdit;
  readonly ca?: CertificateEdit;
  readonly tcbSigner?: CertificateEdit;
  readonly pck?: CertificateEdit;
  readonly rootCrl?: Partial<CrlFields>;
  readonly pckCrl?: Partial<CrlFields>;
  readonly tcbInfo?: DocumentOrders<TcbInfoFields>;
  readonly qeIdentity?: DocumentOrders<QeIdentityFields>;
  readonly evaluationNumbers?: Omit<DocumentOrders<never>, 'fields'>;
  /** Serial numbers that the CRLs list, beside those given with the CRLs' own fields. */
  readonly revoked?: readonly bigint[];
  /** TCB levels by FMSPC; absent: {@link defaultLevels}. */
  readonly levels?: readonly TcbLevel[];
  readonly modules?: readonly TdxModuleIdentity[];
}

/** A document with its signature, as PCS answers. */
export interface SignedDocument {
  /** The inner object, byte by byte what was signed. */
  readonly text: string;
  /** r||s in lower-case hex. */
  readonly signature: string;
  /** PEM, signer first, then the root. */
  readonly chain: string;
}

/** Everything that a DCAP verification needs beside the quote, in the form that bundles of collateral have. */
export interface EmulatedCollateral {
  readonly pck_crl_issuer_chain: string;
  readonly root_ca_crl: string;
  readonly pck_crl: string;
  readonly tcb_info_issuer_chain: string;
  readonly tcb_info: string;
  readonly tcb_info_signature: string;
  readonly qe_identity_issuer_chain: string;
  readonly qe_identity: string;
  readonly qe_identity_signature: string;
}

export interface CollateralRequest {
  readonly tee: IntelTee;
  readonly platform: IntelPlatform;
  readonly update?: 'early' | 'standard';
  /** Of the PCS API; 3 gives TCB info version 2 for SGX. */
  readonly api?: 3 | 4;
  readonly orders?: IntelOrders;
}

const DAY = 86_400_000;
/** Evaluation numbers of the two update channels, as in 2024 and 2025. */
export const EVALUATION = { standard: 17, early: 18 } as const;

/** Components of a machine of the emulated type with everything up to date. */
const NEWEST = { components: [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0], pceSvn: 13 } as const;

/** The emulated Intel: certificates, CRLs and signed documents under a root of its own. */
export class EmulatedIntel {
  readonly pki: IntelPki;
  readonly #keys: KeyStore;
  readonly #now: () => Date;
  readonly #platforms = new Map<string, IntelPlatform>();
  /** Orders that hold for every answer until they are replaced. */
  orders: IntelOrders = {};

  constructor(keys: KeyStore, now: () => Date) {
    this.#keys = keys;
    this.#now = now;
    this.pki = new IntelPki(keys);
  }

  /** A machine of the emulated type. The same id gives the same machine. */
  platform(id = 'machine-1', edit: Partial<Omit<IntelPlatform, 'id'>> = {}): IntelPlatform {
    const platform: IntelPlatform = {
      id,
      ca: 'platform',
      fmspc: 'a55a00000000',
      pceId: '0000',
      ...NEWEST,
      cpuSvn: Uint8Array.from(NEWEST.components),
      ppid: this.#keys.bytes(`intel/ppid/${id}`, 16),
      sgxType: 1,
      platformInstanceId: this.#keys.bytes(`intel/instance/${id}`, 16),
      dynamicPlatform: true,
      cachedKeys: true,
      smtEnabled: false,
      ...edit,
    };
    this.#platforms.set(id, platform);
    return platform;
  }

  /** Machines made so far: those the emulated PCS knows. */
  platforms(): readonly IntelPlatform[] {
    return [...this.#platforms.values()];
  }

  /** The key that the machine's quoting enclave made for itself. */
  attestationKey(platform: IntelPlatform, tee: IntelTee): KeyObject {
    return this.#keys.ec(`intel/attestation/${tee}/${platform.id}`, 'P-256');
  }

  /** What an enclave derives on a machine by EGETKEY: its sealing key under the policy MRENCLAVE, 16 bytes. */
  sealingKey(platform: IntelPlatform, mrEnclave: Uint8Array): Uint8Array {
    return this.#keys.bytes(`intel/sealing/${platform.id}/${encodeHex(mrEnclave)}`, 16);
  }

  /** PEM of leaf, intermediate and root: certification data of type 5. */
  pckChain(platform: IntelPlatform, orders: IntelOrders = this.orders): string {
    return [
      this.pki.pck(platform, orders.pck).pem,
      this.pki.ca(platform.ca, orders.ca).pem,
      this.pki.root(orders.root).pem,
    ].join('');
  }

  pckCertificate(platform: IntelPlatform, orders: IntelOrders = this.orders): EmulatedCertificate {
    return this.pki.pck(platform, orders.pck);
  }

  /** PEM of intermediate and root. */
  caChain(ca: PckCa, orders: IntelOrders = this.orders): string {
    return this.pki.ca(ca, orders.ca).pem + this.pki.root(orders.root).pem;
  }

  tcbSigningChain(orders: IntelOrders = this.orders): string {
    return this.pki.tcbSigner(orders.tcbSigner).pem + this.pki.root(orders.root).pem;
  }

  /** DER. */
  rootCrl(orders: IntelOrders = this.orders): Uint8Array {
    const today = this.#today();
    return makeCrl({
      issuer: ROOT_NAME,
      thisUpdate: new Date(today.getTime() - 30 * DAY),
      nextUpdate: new Date(today.getTime() + 335 * DAY),
      revoked: this.#revoked(orders),
      number: 1,
      signer: this.pki.rootKey,
      algorithm: 'ecdsa-sha256',
      ...orders.rootCrl,
    });
  }

  /** DER. */
  pckCrl(ca: PckCa, orders: IntelOrders = this.orders): Uint8Array {
    const today = this.#today();
    return makeCrl({
      issuer: CA_NAMES[ca],
      thisUpdate: today,
      nextUpdate: new Date(today.getTime() + 30 * DAY),
      revoked: this.#revoked(orders),
      number: 1,
      signer: this.pki.caKey(ca),
      algorithm: 'ecdsa-sha256',
      ...orders.pckCrl,
    });
  }

  tcbInfo(request: CollateralRequest): SignedDocument {
    const { tee, platform, update = 'standard', api = 4 } = request;
    const orders = request.orders ?? this.orders;
    const today = this.#today();
    const fields: TcbInfoFields = {
      tee,
      version: api === 3 ? 2 : 3,
      fmspc: platform.fmspc,
      pceId: platform.pceId,
      issued: today,
      nextUpdate: new Date(today.getTime() + 30 * DAY),
      evaluation: EVALUATION[update],
      // Levels follow the machine type, not the machine: one that is behind must not move them.
      levels: orders.levels ?? defaultLevels(NEWEST),
      modules: orders.modules ?? DEFAULT_MODULES,
      ...orders.tcbInfo?.fields,
    };
    return this.#sign(tcbInfoDocument(fields), orders, orders.tcbInfo);
  }

  qeIdentity(request: Omit<CollateralRequest, 'platform'>): SignedDocument {
    const { tee, update = 'standard' } = request;
    const orders = request.orders ?? this.orders;
    const today = this.#today();
    const fields: QeIdentityFields = {
      tee,
      version: 2,
      issued: today,
      nextUpdate: new Date(today.getTime() + 30 * DAY),
      evaluation: EVALUATION[update],
      mrSigner: quotingEnclaveSigner(tee),
      levels: DEFAULT_QE_LEVELS,
      ...orders.qeIdentity?.fields,
    };
    return this.#sign(qeIdentityDocument(fields), orders, orders.qeIdentity);
  }

  /** The evaluation numbers that {@link tcbInfo} knows, as API v4 lists them. */
  evaluationNumbers(tee: IntelTee, orders: IntelOrders = this.orders): SignedDocument {
    const today = this.#today();
    const document = {
      id: tee === 'sgx' ? 'SGX' : 'TDX',
      version: 1,
      issueDate: seconds(today),
      nextUpdate: seconds(new Date(today.getTime() + 30 * DAY)),
      tcbEvalNumbers: [
        [EVALUATION.early, '2024-11-12T00:00:00Z', '2024-11-13T00:00:00Z'] as const,
        [EVALUATION.standard, '2024-03-12T00:00:00Z', '2024-03-13T00:00:00Z'] as const,
      ].map(([number, event, date]) => ({
        tcbEvaluationDataNumber: number,
        tcbRecoveryEventDate: event,
        tcbDate: date,
      })),
    };
    return this.#sign(document, orders, orders.evaluationNumbers);
  }

  /** All of it for one platform. */
  collateral(request: CollateralRequest): EmulatedCollateral {
    const orders = request.orders ?? this.orders;
    const tcbInfo = this.tcbInfo(request);
    const qeIdentity = this.qeIdentity(request);
    return {
      pck_crl_issuer_chain: this.caChain(request.platform.ca, orders),
      root_ca_crl: encodeHex(this.rootCrl(orders)),
      pck_crl: encodeHex(this.pckCrl(request.platform.ca, orders)),
      tcb_info_issuer_chain: tcbInfo.chain,
      tcb_info: tcbInfo.text,
      tcb_info_signature: tcbInfo.signature,
      qe_identity_issuer_chain: qeIdentity.chain,
      qe_identity: qeIdentity.text,
      qe_identity_signature: qeIdentity.signature,
    };
  }

  #sign<Fields>(document: JsonObject, orders: IntelOrders, own: DocumentOrders<Fields> = {}): SignedDocument {
    const plain = JSON.stringify(own.document?.(document) ?? document);
    const text = own.text?.(plain) ?? plain;
    const signature = encodeHex(signFixed(Buffer.from(text), own.signer ?? this.pki.tcbSignerKey));
    return {
      text: own.afterSigning?.(text) ?? text,
      signature,
      chain: own.chain ?? this.tcbSigningChain(orders),
    };
  }

  /** Documents of a day are equal, as the vendor's are until the next issue. */
  #today(): Date {
    return new Date(Math.floor(this.#now().getTime() / DAY) * DAY);
  }

  #revoked(orders: IntelOrders): readonly RevokedCertificate[] {
    const date = new Date(this.#today().getTime() - 40 * DAY);
    return (orders.revoked ?? []).map((serial) => ({ serial, date, reason: 1 }));
  }
}
