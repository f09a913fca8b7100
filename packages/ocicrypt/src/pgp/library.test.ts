import { expect, test, vi } from 'vitest';
import { openpgp } from './library.js';

test('a program without the library beside it says which file is missing', async () => {
  vi.doMock('openpgp', () => {
    throw new Error('gone');
  });
  await expect(openpgp()).rejects.toMatchObject({ code: 'image.openpgp.present' });
  vi.doUnmock('openpgp');
  expect((await openpgp()).readKey).toBeTypeOf('function');
});
