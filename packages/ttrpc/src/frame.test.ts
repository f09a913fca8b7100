import { DecodeError, decodeHex, encodeHex, encodeUtf8 } from '@assay/bytes';
import { fuzzRuns } from '@assay/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from './envelope.js';
import { encodeFrame, FRAME_TYPE, FrameReader, MAX_MESSAGE_LENGTH } from './frame.js';

const hex = (text: string): Uint8Array => decodeHex(text.replace(/\s/g, ''));

/** GetResource of kbs:///default/key/1 on stream 1, which the caller waits 50 s for. */
const REQUEST = `00000044 00000001 01 00
  0a16 6170692e4765745265736f7572636553657276696365
  120b 4765745265736f75726365
  1a16 0a14 6b62733a2f2f2f64656661756c742f6b65792f31
  20 80e8eda1ba01`;
const PAYLOAD = '0a14 6b62733a2f2f2f64656661756c742f6b65792f31';

test('a request is the bytes that other implementations send', () => {
  const payload = encodeRequest({
    service: 'api.GetResourceService',
    method: 'GetResource',
    payload: hex(PAYLOAD),
    timeoutNano: 50_000_000_000n,
    metadata: [],
  });
  expect(encodeHex(encodeFrame({ streamId: 1, type: FRAME_TYPE.request, flags: 0, payload }))).toBe(
    encodeHex(hex(REQUEST)),
  );
});

test('a request is read from those bytes, however they arrive', () => {
  const bytes = hex(REQUEST);
  for (const size of [1, 3, 10, 11, bytes.length]) {
    const reader = new FrameReader();
    const events = [];
    for (let at = 0; at < bytes.length; at += size) events.push(...reader.push(bytes.subarray(at, at + size)));
    expect(events).toHaveLength(1);
    const [event] = events;
    if (event === undefined || !('frame' in event)) throw new Error('no frame');
    expect(event.frame).toMatchObject({ streamId: 1, type: 1, flags: 0 });
    expect(decodeRequest(event.frame.payload)).toEqual({
      service: 'api.GetResourceService',
      method: 'GetResource',
      payload: hex(PAYLOAD),
      timeoutNano: 50_000_000_000n,
      metadata: [],
    });
    expect(reader.isInside).toBe(false);
  }
});

test('answers: success with an empty status, success without one, and an error', () => {
  const success = { code: 0, message: '', payload: hex('0a06 736563726574') };
  expect(encodeHex(encodeResponse(success))).toBe('0a00' + '1208' + '0a06736563726574');
  expect(decodeResponse(hex('0a00 1208 0a06 736563726574'))).toEqual(success);
  expect(decodeResponse(hex('1208 0a06 736563726574'))).toEqual(success);
  const failure = { code: 13, message: '[CDH] [ERROR]: Get Resource failed', payload: new Uint8Array() };
  const bytes = '0a26 080d 1222 5b4344485d205b4552524f525d3a20476574205265736f75726365206661696c6564';
  expect(encodeHex(encodeResponse(failure))).toBe(encodeHex(hex(bytes)));
  expect(decodeResponse(hex(bytes))).toEqual(failure);
});

test('metadata and unknown fields', () => {
  const request = {
    service: 's',
    method: 'm',
    payload: new Uint8Array(),
    timeoutNano: -1n,
    metadata: [
      ['k', 'v'],
      ['', ''],
    ] as const,
  };
  expect(decodeRequest(encodeRequest(request))).toEqual(request);
  // Field 9 in every wire type that can be passed over.
  expect(
    decodeRequest(hex('48 01' + '49 0102030405060708' + '4a 01ff' + '4b 4c' + '4d 01020304' + '0a0173')),
  ).toMatchObject({
    service: 's',
  });
});

test.each([
  ['a field beyond the end', '0a05 61'],
  ['a number where a text belongs', '080161'],
  ['a text where a number belongs', '2200'],
  ['a text that is not UTF-8', '0a01 ff'],
  ['field number 0', '0001'],
  ['a varint without end', '20 ffffffffffffffffffffff'],
  ['metadata beyond its end', '2a03 0a05 61'],
  ['more metadata than is taken', '2a00'.repeat(257)],
  ['an unknown field beyond the end', '4a05 61'],
  ['a service name of 1025 bytes', `0a8108${'61'.repeat(1025)}`],
])('a request with %s is malformed', (_, bytes) => {
  expect(() => decodeRequest(hex(bytes))).toThrow(DecodeError);
});

test('the longest names and the most metadata that are taken', () => {
  expect(decodeRequest(hex(`0a8008${'61'.repeat(1024)}`)).service).toHaveLength(1024);
  expect(decodeRequest(hex('2a00'.repeat(256))).metadata).toHaveLength(256);
});

test('the largest payload passes, one byte more is told and passed over, and the next frame is read', () => {
  const largest = encodeFrame({ streamId: 1, type: 1, flags: 0, payload: new Uint8Array(MAX_MESSAGE_LENGTH) });
  const [event] = new FrameReader().push(largest);
  expect(event !== undefined && 'frame' in event && event.frame.payload.length).toBe(MAX_MESSAGE_LENGTH);
  expect(() =>
    encodeFrame({ streamId: 1, type: 1, flags: 0, payload: new Uint8Array(MAX_MESSAGE_LENGTH + 1) }),
  ).toThrow(RangeError);

  const reader = new FrameReader();
  expect(reader.push(hex('00400001 00000005 01 00'))).toEqual([
    { oversize: { length: MAX_MESSAGE_LENGTH + 1, streamId: 5, type: 1, flags: 0 } },
  ]);
  expect(reader.push(new Uint8Array(MAX_MESSAGE_LENGTH))).toEqual([]);
  expect(reader.isInside).toBe(true);
  const rest = Buffer.concat([Buffer.from([0]), hex('00000001 00000007 01 00 61')]);
  expect(reader.push(rest)).toEqual([{ frame: { streamId: 7, type: 1, flags: 0, payload: encodeUtf8('a') } }]);
});

test('a frame without payload is whole at its header', () => {
  expect(new FrameReader().push(hex('00000000 00000003 03 04'))).toEqual([
    { frame: { streamId: 3, type: 3, flags: 4, payload: new Uint8Array() } },
  ]);
});

test('fuzz: frames survive any cutting of the stream', () => {
  const frame = fc.record({
    streamId: fc.nat(0xffff_ffff),
    type: fc.nat(255),
    flags: fc.nat(255),
    payload: fc.uint8Array({ maxLength: 40 }),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1 }),
      (frames, cuts) => {
        const stream = Buffer.concat(frames.map(encodeFrame));
        const reader = new FrameReader();
        const events = [];
        for (let at = 0, n = 0; at < stream.length; n += 1) {
          const size = cuts[n % cuts.length] ?? 1;
          events.push(...reader.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(events).toEqual(frames.map((each) => ({ frame: each })));
      },
    ),
    { numRuns: fuzzRuns(200) },
  );
});

test('fuzz: any bytes are a request or malformed; a request that was read is written and read alike', () => {
  const valid = encodeRequest({
    service: 'api.S',
    method: 'M',
    payload: Uint8Array.of(1, 2),
    timeoutNano: 5n,
    metadata: [['k', 'v']],
  });
  const changed = fc
    .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Uint8Array.from(valid);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), changed), (bytes) => {
      for (const decode of [decodeRequest, decodeResponse]) {
        try {
          const value = decode(bytes);
          if (decode === decodeRequest) expect(decodeRequest(encodeRequest(value as never))).toEqual(value);
          else expect(decodeResponse(encodeResponse(value as never))).toEqual(value);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }
    }),
    { numRuns: fuzzRuns(500) },
  );
});
