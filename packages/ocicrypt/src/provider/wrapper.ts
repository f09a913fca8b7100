/** Recipients behind a key provider: a service that keeps the key, and is asked to wrap and to unwrap. */
import { AssayError } from '@assay/bytes/findings';
import { KEY_ANNOTATION, type KeyUnwrapper, type KeyWrapper } from '../wrap/wrapper.js';
import { readUnwrapAnswer, readWrapAnswer, writeProviderRequest } from './messages.js';

/** Hands a request to a provider. @throws AssayError when it does not answer */
export type AskProvider = (provider: string, request: Uint8Array) => Promise<Uint8Array>;

/** Value of a parameter where the command line names a provider and nothing else. */
const ENABLED = 'Enabled';

/** @param parameters what stands behind `provider:NAME:` on the command line */
export function providerWrapper(name: string, parameters: string | undefined, ask: AskProvider): KeyWrapper {
  return {
    annotation: `${KEY_ANNOTATION.provider}${name}`,
    wrap: async (options) =>
      readWrapAnswer(
        await ask(
          name,
          writeProviderRequest({ op: 'keywrap', parameters: { [name]: [parameters ?? ENABLED] }, options }),
        ),
      ),
  };
}

/** @param providers names of those that can be asked, with their parameters. */
export function providerUnwrapper(providers: ReadonlyMap<string, string | undefined>, ask: AskProvider): KeyUnwrapper {
  const nameOf = (annotation: string): string => annotation.slice(KEY_ANNOTATION.provider.length);
  return {
    scheme: 'provider',
    keys: providers.size,
    reads: (annotation) => annotation.startsWith(KEY_ANNOTATION.provider) && providers.has(nameOf(annotation)),
    unwrap: async (annotation, key) => {
      const name = nameOf(key);
      const parameters = { [name]: [providers.get(name) ?? ENABLED] };
      try {
        const answer = await ask(name, writeProviderRequest({ op: 'keyunwrap', parameters, annotation }));
        return { options: readUnwrapAnswer(answer), with: { provider: name } };
      } catch (error) {
        if (!(error instanceof AssayError)) throw error;
        // What it answered is without the name in front, and whole: titles are cut.
        const { actual } = error.finding;
        return { reason: `provider ${name}: ${typeof actual === 'string' ? actual : error.title}` };
      }
    },
  };
}
