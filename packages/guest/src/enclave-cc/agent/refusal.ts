import { PullError } from '../../cdh/image/pull-error.js';

/** The agent enclave does not begin to pull. Its text is told to the caller: never a secret. */
export class PullRefusal extends PullError {
  constructor(message: string) {
    super('Image Pull', message);
  }
}
