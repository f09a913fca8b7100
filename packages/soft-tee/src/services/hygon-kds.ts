import type { TestWorld } from '../world.js';
import { type EmulatedService, type ServiceOptions, type ServiceRoute, startService, text } from './http.js';

/** Emulated Hygon key service: HSK and CEK of the processors that the world knows. */
export function startEmulatedHygonKds(world: TestWorld, options: ServiceOptions = {}): Promise<EmulatedService> {
  const { hygon } = world;
  const hskCek: ServiceRoute = {
    name: 'hsk_cek',
    pattern: /^\/hsk_cek$/,
    answer: (_, query) => {
      const chip = hygon.chips().find(({ serial }) => serial === query.get('snumber'));
      if (chip === undefined) return text(404, 'unknown serial number');
      return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: hygon.hskCek(chip) };
    },
  };
  return startService([hskCek], options);
}
