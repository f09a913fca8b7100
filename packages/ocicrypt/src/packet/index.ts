/** `@assay/ocicrypt/packet`: annotation packets alone, without what opens recipients of other kinds (and without jose). */
export {
  type AnnotationPacket,
  IV_SIZE,
  PACKET_PROVIDERS,
  PACKET_VERSION,
  type PacketProvider,
  readPacket,
  type WrapType,
  writePacket,
} from './packet.js';
export { KEK_SIZE, openPacket, type SealOptions, sealPacket } from './seal.js';
