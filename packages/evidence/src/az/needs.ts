/** Which endorsements evidence needs: what a collateral service is asked for before it is verified. Nothing is believed here. */
import { DecodeError, type JsonValue } from '@assay/bytes';
import { type CollateralNeeds, collateralNeeds, type PckCertificateNeeds } from '../dcap/needs.js';
import { reportNeeds, type SnpNeeds } from '../snp/needs.js';
import { checkForm } from '../snp/report/form.js';
import { readAzEvidence } from './evidence.js';
import { parseHclReport } from './hcl/report.js';

/** @returns undefined for evidence without a readable report */
export function azSnpNeeds(evidence: JsonValue): SnpNeeds | undefined {
  const { evidence: read } = readAzEvidence(evidence, 'snp');
  if (read === undefined) return undefined;
  try {
    const { fields } = checkForm(parseHclReport(read.hclReport).hardwareReport);
    return fields === undefined ? undefined : reportNeeds(fields, read.vcek === undefined ? [] : [read.vcek]);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** @returns undefined for evidence without a readable quote, or one that names no platform */
export function azTdxNeeds(evidence: JsonValue): CollateralNeeds | PckCertificateNeeds | undefined {
  const { evidence: read } = readAzEvidence(evidence, 'tdx');
  return read === undefined ? undefined : collateralNeeds(read.tdQuote);
}
