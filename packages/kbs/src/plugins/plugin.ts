/** What a plug-in of the broker is: something behind `/kbs/v0/<name>/…` that answers administrators or attested guests. */
import type { JsonValue } from '@assay/bytes';
import type { AdminPrincipal, Method } from '../types.js';

export interface PluginRequest {
  readonly method: Method;
  /** Segments after the plug-in's name. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Who asks: the route that `requiresAdmin` chose. */
export type PluginCaller =
  | { readonly kind: 'admin'; readonly principal: AdminPrincipal }
  | {
      readonly kind: 'attested';
      /** Claims of the guest's init-data; undefined where the token has none. */
      readonly initData: JsonValue | undefined;
    };

export interface PluginAnswer {
  readonly body: Uint8Array;
  /** Version of what was handed out, for the lease. */
  readonly version?: number;
  /** Name under which the release is kept, where it is a stored secret: `default/key/1`. */
  readonly secret?: string;
}

export interface Plugin {
  /** Segment of the URL. */
  readonly name: string;
  /**
   * What segments in a short form stand for: the whole name, which roles and policies are asked about and `handle` is given.
   * Left out where every path has one form. What is malformed stays as it is.
   */
  wholePath?(path: readonly string[]): readonly string[];
  /** Whether the call is an administrator's; otherwise it needs an attestation token, and the resource policy decides. */
  requiresAdmin(request: PluginRequest): boolean;
  /** Whether the answer to an attested guest is encrypted to its key. Administrators' answers never are. */
  encrypted(request: PluginRequest): boolean;
  /** @throws AssayError */
  handle(request: PluginRequest, caller: PluginCaller): Promise<PluginAnswer>;
}
