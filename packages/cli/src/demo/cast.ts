import type { JsonObject } from '@assay/bytes';
import type { Terminal } from '../terminal/style.js';
import type { Peers } from './image/peers.js';
import type { Pushed } from './image/publish.js';
import type { DemoRegistry } from './image/registry.js';
import type { Started } from './image/start.js';
import type { Narrator } from './narrator.js';
import type { Reason } from './why.js';
import type { DemoWorld } from './world.js';

/** What every part of the story works with. */
export interface Cast {
  readonly world: DemoWorld;
  readonly registry: DemoRegistry;
  readonly peers: Peers;
  readonly tell: Narrator;
  /** Where explanations are laid out for. */
  readonly out: Terminal;
}

/** The image, where guests find it. */
export interface PublishedImage {
  /** `127.0.0.1:PORT/acme/greeter:v1` */
  readonly reference: string;
  readonly digest: string;
  readonly key: string;
  readonly pushed: Pushed;
}

/** What the honest guest came to, and what somebody who listens within its host keeps. */
export interface HonestGuest {
  readonly attempt: string;
  readonly started: Started;
  /** Body that it sent to `attest`. */
  readonly recorded: JsonObject;
  /** Its session cookie. */
  readonly cookie: string;
}

/** Something that was refused, and why. */
export interface Played {
  readonly scene: string;
  readonly code: string;
  readonly status?: number;
  readonly attempt?: string;
  /** Files that are in the guest's folders afterwards. */
  readonly files?: number;
  readonly findings: readonly Reason[];
}
