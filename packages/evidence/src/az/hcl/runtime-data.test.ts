import { DecodeError } from '@assay/bytes';
import { expect, test } from 'vitest';
import { readRuntimeData } from './runtime-data.js';

const read = (text: string) => readRuntimeData(new TextEncoder().encode(text));

test('the least that there is', () => {
  expect(read('{"keys":[]}')).toEqual({ keys: [], userData: undefined, vmConfiguration: undefined });
});

test.each(['null', '[]', '7', '{}', '{"keys":{}}', '{"keys":[1]}', '{"keys":[],"vm-configuration":[]}'])(
  '%s is refused',
  (text) => {
    expect(() => read(text)).toThrow(DecodeError);
  },
);
