/**
 * The program of the demo's image: a static executable of Linux that prints the file it is given, as `cat` does. It needs no library,
 * no interpreter and no compiler, so that an image of it runs wherever Linux does, and is built wherever Node runs.
 */

export type Machine = 'x64' | 'arm64';

/** What the executable is made of, for the machines whose code is known here. */
export function isMachine(arch: string): arch is Machine {
  return arch === 'x64' || arch === 'arm64';
}

/** An ELF file: header, one segment that is loaded and may be executed, code. */
export function program(machine: Machine): Uint8Array {
  const code = Buffer.from(CODE[machine].map(([bytes]) => bytes).join(''), 'hex');
  const header = Buffer.alloc(HEADER + SEGMENT);
  const size = BigInt(header.length + code.length);
  header.write('\x7fELF\x02\x01\x01', 'latin1'); // 64 bits, little-endian, version 1
  header.writeUInt16LE(2, 16); // an executable at a fixed address
  header.writeUInt16LE(machine === 'x64' ? 62 : 183, 18); // EM_X86_64, EM_AARCH64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BASE + BigInt(header.length), 24); // where it starts
  header.writeBigUInt64LE(BigInt(HEADER), 32); // the segments' headers follow
  header.writeUInt16LE(HEADER, 52);
  header.writeUInt16LE(SEGMENT, 54);
  header.writeUInt16LE(1, 56); // one segment
  header.writeUInt16LE(64, 58); // size of a section's header, of which there is none
  header.writeUInt32LE(1, HEADER); // PT_LOAD
  header.writeUInt32LE(5, HEADER + 4); // read, execute
  header.writeBigUInt64LE(BASE, HEADER + 16);
  header.writeBigUInt64LE(BASE, HEADER + 24);
  header.writeBigUInt64LE(size, HEADER + 32);
  header.writeBigUInt64LE(size, HEADER + 40);
  header.writeBigUInt64LE(0x10000n, HEADER + 48); // alignment, for pages of 64 KiB too
  return Buffer.concat([header, code]);
}

const HEADER = 64;
const SEGMENT = 56;
const BASE = 0x400000n;

/** `open(argv[1]); while (read) write(1); exit`: exit code 1 as soon as one of them fails. */
const CODE: Readonly<Record<Machine, readonly (readonly [bytes: string, instruction: string])[]>> = {
  x64: [
    ['488b7c2410', 'mov rdi, [rsp+16]   argv[1]'],
    ['31f6', 'xor esi, esi        O_RDONLY'],
    ['31d2', 'xor edx, edx'],
    ['b802000000', 'mov eax, 2          open'],
    ['0f05', 'syscall'],
    ['85c0', 'test eax, eax'],
    ['7834', 'js fail'],
    ['89c3', 'mov ebx, eax'],
    ['4881ec00100000', 'sub rsp, 4096'],
    ['89df', 'again: mov edi, ebx'],
    ['4889e6', 'mov rsi, rsp'],
    ['ba00100000', 'mov edx, 4096'],
    ['31c0', 'xor eax, eax        read'],
    ['0f05', 'syscall'],
    ['4885c0', 'test rax, rax'],
    ['7818', 'js fail'],
    ['741d', 'jz done'],
    ['89c2', 'mov edx, eax'],
    ['bf01000000', 'mov edi, 1          standard output'],
    ['4889e6', 'mov rsi, rsp'],
    ['b801000000', 'mov eax, 1          write'],
    ['0f05', 'syscall'],
    ['4885c0', 'test rax, rax'],
    ['79d5', 'jns again'],
    ['bf01000000', 'fail: mov edi, 1'],
    ['eb02', 'jmp exit'],
    ['31ff', 'done: xor edi, edi'],
    ['b83c000000', 'exit: mov eax, 60   exit'],
    ['0f05', 'syscall'],
  ],
  arm64: [
    ['600c8092', 'mov x0, #-100       AT_FDCWD'],
    ['e10b40f9', 'ldr x1, [sp, #16]   argv[1]'],
    ['020080d2', 'mov x2, #0          O_RDONLY'],
    ['030080d2', 'mov x3, #0'],
    ['080780d2', 'mov x8, #56         openat'],
    ['010000d4', 'svc #0'],
    ['0002f8b7', 'tbnz x0, #63, fail'],
    ['f30300aa', 'mov x19, x0'],
    ['ff0740d1', 'sub sp, sp, #4096'],
    ['e00313aa', 'again: mov x0, x19'],
    ['e1030091', 'mov x1, sp'],
    ['020082d2', 'mov x2, #4096'],
    ['e80780d2', 'mov x8, #63         read'],
    ['010000d4', 'svc #0'],
    ['0001f8b7', 'tbnz x0, #63, fail'],
    ['000100b4', 'cbz x0, exit'],
    ['e20300aa', 'mov x2, x0'],
    ['200080d2', 'mov x0, #1          standard output'],
    ['e1030091', 'mov x1, sp'],
    ['080880d2', 'mov x8, #64         write'],
    ['010000d4', 'svc #0'],
    ['80feffb6', 'tbz x0, #63, again'],
    ['200080d2', 'fail: mov x0, #1'],
    ['a80b80d2', 'exit: mov x8, #93   exit'],
    ['010000d4', 'svc #0'],
  ],
};
