// One contender of the DCAP benchmark: TEE NAME.
import { takeTurns } from '../lib/apart.js';
import { type Contender, contenders, type Tee } from './dcap-contenders.js';

const [tee, name] = process.argv.slice(2) as [Tee, Contender];
takeTurns(contenders(tee)[name]);
