// The funnel as a table for spreadsheets: each row says which question it answers.
import { stringify } from 'csv-stringify/sync';
import type { FunnelAnswer } from './pathway-analytics.js';

export function funnelCsv({ pathway, version, order, enrolled, steps, asOf, position }: FunnelAnswer): string {
  const rows = steps.map(({ id, reached, satisfied, conversion }) => ({
    pathway,
    version,
    order,
    enrolled,
    step: id,
    reached,
    satisfied,
    conversion,
    asOf,
    position,
  }));
  // A cell that a spreadsheet would run as a formula is prefixed.
  return stringify(rows, { header: true, escape_formulas: true });
}
