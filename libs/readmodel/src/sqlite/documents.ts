// Documents in SQLite: one table of JSON rows per collection, with a column for each indexed field.
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { IndexDefinition } from '@cairn/kernel';
import {
  IndexRefused,
  type Filter,
  type FindOptions,
  type GuardedWrite,
  type Sort,
  type StoredDocument,
  type WriteOutcome,
} from '../port.js';
import { chooseAccess, constraintsOf, scanRefused, type Constraint } from '../access.js';
import { compileFilter, createFindSorter } from '../matching.js';
import * as subset from '../query-subset.js';
import { checkNewIndexes, checkWrites } from '../writes.js';
import { isConstraint, type Database } from './database.js';
import {
  KIND,
  addAfter,
  addConstraint,
  columnOf,
  fromSql,
  orderBy,
  uniqueColumnOf,
  valueAt,
  type Condition,
  type IndexedField,
} from './indexed-fields.js';

export const DOCUMENTS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS collections(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS indexes(id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, definition TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS fields(
    id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, field TEXT NOT NULL, kinds INTEGER NOT NULL,
    UNIQUE(collection, field)
  );
`;

type Collection = {
  readonly id: number;
  readonly name: string;
  readonly table: string;
  readonly indexes: (IndexDefinition & { readonly sqlName: string })[];
  readonly fields: Map<string, IndexedField>;
};
type Row = readonly [id: string, p: string, json: string, ...indexed: SQLOutputValue[]];

const selected = ({ fields }: Collection): string =>
  ['id', 'p', 'json', ...[...fields.values()].map(({ column }) => column)].join(', ');

/** An indexed scalar is held by its column alone, not by the JSON as well: half of a small document. */
function toDocument({ fields }: Collection, [id, p, json, ...indexed]: Row): StoredDocument {
  const document: Record<string, unknown> = { _id: id, ...(JSON.parse(json) as object) };
  let at = 0;
  for (const [field, { path }] of fields) {
    const value = indexed[at++] ?? null;
    if (path.length === 1 && value !== null) document[field] = fromSql(value);
  }
  document['_p'] = p;
  return document as StoredDocument;
}

export type Documents = {
  readonly ensure: (name: string, indexes: readonly IndexDefinition[]) => void;
  readonly drop: (name: string) => void;
  readonly names: () => readonly string[];
  readonly load: (name: string, ids: readonly string[]) => readonly StoredDocument[];
  readonly write: (name: string, writes: readonly GuardedWrite[]) => readonly WriteOutcome[];
  readonly find: (name: string, filter: Filter, options: FindOptions) => readonly StoredDocument[];
  /** Everything that a filter matches, in no order. */
  readonly all: (name: string, filter: Filter) => readonly StoredDocument[];
  /** Documents by id, after one. */
  readonly page: (name: string, after: string, limit: number) => readonly StoredDocument[];
};

export function createDocuments(database: Database, scanLimit: number): Documents {
  const { all, one, run, exec, statement, transaction } = database;
  const collections = new Map<string, Collection>();

  const readCatalog = (): void => {
    collections.clear();
    for (const [id, name] of all<[number, string]>('SELECT id, name FROM collections')) {
      const collection: Collection = { id, name, table: `documents_${id}`, indexes: [], fields: new Map() };
      collections.set(name, collection);
      for (const [fieldId, field, kinds] of all<[number, string, number]>(
        'SELECT id, field, kinds FROM fields WHERE collection = ? ORDER BY id',
        id,
      ))
        collection.fields.set(field, { path: field.split('.'), column: `field_${fieldId}`, kinds });
      for (const [indexId, definition] of all<[number, string]>(
        'SELECT id, definition FROM indexes WHERE collection = ? ORDER BY id',
        id,
      ))
        collection.indexes.push({ ...(JSON.parse(definition) as IndexDefinition), sqlName: `index_${indexId}` });
    }
  };
  readCatalog();

  const collectionOf = (name: string): Collection | undefined => {
    subset.checkCollectionName(name);
    return collections.get(name);
  };
  const pageOf = (collection: Collection, after: string, limit: number): StoredDocument[] =>
    all<Row>(
      `SELECT ${selected(collection)} FROM ${collection.table} WHERE id > ? ORDER BY id LIMIT ?`,
      after,
      limit,
    ).map((row) => toDocument(collection, row));
  const lastId = (): number => (one<[number]>('SELECT last_insert_rowid()') as [number])[0];

  /** The columns' values; notes new kinds of values, in the transaction that writes the document. */
  const indexedValues = (collection: Collection, document: StoredDocument): SQLInputValue[] => {
    const values: SQLInputValue[] = [];
    for (const [field, entry] of collection.fields) {
      const { value, kind } = valueAt(document, entry.path);
      values.push(value);
      if ((entry.kinds & kind) === kind) continue;
      // Should the transaction fail, knowing more kinds than there are is harmless.
      entry.kinds |= kind;
      run('UPDATE fields SET kinds = ? WHERE collection = ? AND field = ?', entry.kinds, collection.id, field);
    }
    return values;
  };

  /** Adds columns for fields that had no index, and fills them. */
  const addColumns = (collection: Collection, definitions: readonly IndexDefinition[]): void => {
    const fresh = new Set(definitions.flatMap(({ fields }) => fields.map(([field]) => field)));
    for (const field of fresh) {
      if (field === '_id' || field === '_p' || collection.fields.has(field)) continue;
      run('INSERT INTO fields(collection, field, kinds) VALUES(?, ?, 0)', collection.id, field);
      const column = `field_${lastId()}`;
      // No declared type: SQLite keeps values as they are.
      exec(`ALTER TABLE ${collection.table} ADD COLUMN ${column}`);
      collection.fields.set(field, { path: field.split('.'), column, kinds: 0 });
    }
    if (collection.fields.size === 0) return;
    const columns = [...collection.fields.values()].map(({ column }) => `${column} = ?`);
    let after = '';
    for (let page = pageOf(collection, after, 1000); page.length > 0; page = pageOf(collection, after, 1000)) {
      for (const document of page) {
        subset.checkUniqueFields(document, definitions);
        const values = indexedValues(collection, document);
        run(`UPDATE ${collection.table} SET ${columns.join(', ')} WHERE id = ?`, ...values, document._id);
      }
      after = (page.at(-1) as StoredDocument)._id;
    }
  };

  const createIndex = (collection: Collection, definition: IndexDefinition): void => {
    const { name, table, fields } = collection;
    run('INSERT INTO indexes(collection, definition) VALUES(?, ?)', collection.id, JSON.stringify(definition));
    const id = lastId();
    collection.indexes.push({ ...definition, sqlName: `index_${id}` });
    // Ascending whatever was declared: what is newest then comes last and fills the pages, and SQLite walks either way.
    // No `_id` unless declared, it would be most of the index: the few documents of equal fields are sorted apart.
    exec(`CREATE INDEX index_${id} ON ${table}(${definition.fields.map(([f]) => columnOf(fields, f)).join(', ')})`);
    if (!definition.unique) return;
    const columns = definition.fields.map(([field]) => uniqueColumnOf(fields, field)).join(', ');
    try {
      exec(`CREATE UNIQUE INDEX unique_${id} ON ${table}(${columns})`);
    } catch (error) {
      if (!isConstraint(error)) throw error;
      const [ids = ''] =
        one<[string]>(
          `SELECT group_concat(id, '", "') FROM ${table} GROUP BY ${columns} HAVING count(*) > 1 LIMIT 1`,
        ) ?? [];
      throw new IndexRefused(
        definition,
        undefined,
        `unique index "${definition.name}" of "${name}": "${ids}" have the same values`,
      );
    }
  };

  /** Hands the documents that may match to `take`, in the order asked for if `ordered`, until it says stop. */
  const walk = (
    collection: Collection,
    filter: Filter,
    sort: Sort,
    after: readonly unknown[] | undefined,
    take: (document: StoredDocument, ordered: boolean) => boolean,
  ): void => {
    const { fields, table } = collection;
    const constraints = constraintsOf(filter);
    const held = (field: string): number => fields.get(field)?.kinds ?? 0;
    const access = chooseAccess(
      constraints,
      sort,
      collection.indexes,
      (field) => (held(field) & KIND.list) === 0,
      (field) => (held(field) & (KIND.list | KIND.object)) === 0,
    );
    const index = access.index as Collection['indexes'][number] | undefined;
    const condition: Condition = { where: [], values: [] };
    for (const field of access.bounded)
      addConstraint(columnOf(fields, field), constraints.get(field) as Constraint, condition);
    let order = '';
    if (access.ordered && sort.length > 0) {
      // A field that the index holds to one value sorts nothing.
      const isFixed = (field: string): boolean =>
        field !== '_id' && constraints.get(field)?.eq !== undefined && access.bounded.includes(field);
      const open = sort.flatMap((part, i) => (isFixed(part[0]) ? [] : [{ part, after: after?.[i] }]));
      const parts = open.map(({ part }) => part);
      order = ` ORDER BY ${orderBy(fields, parts)}`;
      if (after)
        addAfter(
          fields,
          parts,
          open.map((entry) => entry.after),
          condition,
        );
    }
    const source = index ? `${table} INDEXED BY ${index.sqlName}` : table;
    const where = condition.where.length > 0 ? ` WHERE ${condition.where.join(' AND ')}` : '';
    let looked = 0;
    for (const row of statement(`SELECT ${selected(collection)} FROM ${source}${where}${order}`).iterate(
      ...condition.values,
    )) {
      if (access.bounded.length === 0 && ++looked > scanLimit)
        throw scanRefused(collection.name, constraints, sort, scanLimit);
      if (!take(toDocument(collection, row as unknown as Row), access.ordered)) return;
    }
  };

  return {
    ensure: (name, indexes) => {
      const known = collectionOf(name);
      const fresh = checkNewIndexes(name, known?.indexes ?? [], indexes);
      if (known && fresh.length === 0) return;
      try {
        transaction(() => {
          if (!known) {
            run('INSERT INTO collections(name) VALUES(?)', name);
            exec(
              `CREATE TABLE documents_${lastId()}(id TEXT PRIMARY KEY NOT NULL, p TEXT NOT NULL, json TEXT NOT NULL)`,
            );
            readCatalog();
          }
          const collection = collections.get(name) as Collection;
          if (fresh.length > 0) addColumns(collection, fresh);
          for (const definition of fresh) createIndex(collection, definition);
        });
      } catch (error) {
        // What was noted in memory goes back with the transaction.
        readCatalog();
        throw error;
      }
    },

    drop: (name) => {
      const collection = collectionOf(name);
      if (!collection) return;
      transaction(() => {
        exec(`DROP TABLE ${collection.table}`);
        for (const table of ['indexes', 'fields']) run(`DELETE FROM ${table} WHERE collection = ?`, collection.id);
        run('DELETE FROM collections WHERE id = ?', collection.id);
      });
      collections.delete(name);
    },

    names: () => all<[string]>('SELECT name FROM collections ORDER BY name').map(([name]) => name),

    load: (name, ids) => {
      const collection = collectionOf(name);
      if (!collection) return [];
      const select = statement(`SELECT ${selected(collection)} FROM ${collection.table} WHERE id = ?`);
      const documents: StoredDocument[] = [];
      for (const id of new Set(ids)) {
        const row = select.get(id) as unknown as Row | undefined;
        if (row) documents.push(toDocument(collection, row));
      }
      return documents;
    },

    write: (name, writes) => {
      const collection = collectionOf(name);
      checkWrites(name, collection?.indexes, writes);
      if (!collection || writes.length === 0) return [];
      const { table } = collection;
      const columns = [...collection.fields.values()].map(({ column }) => column);
      const list = (text: (column: string) => string): string => columns.map(text).join('');
      const insert = statement(
        `INSERT INTO ${table}(id, p, json${list((c) => `, ${c}`)}) VALUES(?, ?, ?${list(() => ', ?')}) ON CONFLICT DO NOTHING`,
      );
      // Most events leave indexed fields as they are: then the indexes need not be touched, a third of the price.
      const replaceRest = statement(
        `UPDATE ${table} SET p = ?, json = ? WHERE id = ? AND p = ?${list((c) => ` AND ${c} IS ?`)}`,
      );
      const replace = statement(
        `UPDATE OR IGNORE ${table} SET p = ?, json = ?${list((c) => `, ${c} = ?`)} WHERE id = ? AND p = ?`,
      );
      const remove = statement(`DELETE FROM ${table} WHERE id = ? AND p = ?`);
      const write = ({ id, expected, next }: GuardedWrite): boolean => {
        if (!next) return remove.run(id, expected).changes !== 0;
        const values = indexedValues(collection, next);
        const { _id, _p, ...rest } = next;
        const held: Record<string, unknown> = rest;
        let at = 0;
        for (const [field, { path }] of collection.fields)
          if (values[at++] !== null && path.length === 1) held[field] = undefined;
        const json = JSON.stringify(held);
        if (json.length > subset.MAX_DOCUMENT_BYTES / 4) subset.checkSize(id, json);
        if (expected === null) return insert.run(id, _p, json, ...values).changes !== 0;
        return (
          replaceRest.run(_p, json, id, expected, ...values).changes !== 0 ||
          (columns.length > 0 && replace.run(_p, json, ...values, id, expected).changes !== 0)
        );
      };
      return transaction(() => writes.map((item): WriteOutcome => (write(item) ? 'done' : 'lost')));
    },

    find: (name, filter, { sort, limit, after }) => {
      const collection = collectionOf(name);
      if (!collection) return [];
      const matches = compileFilter(filter);
      const sorter = createFindSorter(sort);
      let found: StoredDocument[] = [];
      let isOrdered = false;
      walk(collection, filter, subset.totalSort(sort), after, (document, ordered) => {
        isOrdered = ordered;
        if (!matches(document) || (after && !sorter.isAfter(document, after))) return true;
        found.push(document);
        if (ordered) return found.length < limit;
        // Keep the best so far, so that memory is bounded by the limit and not by the matches.
        if (found.length >= 4 * limit + 1000) found = sorter.sort(found, limit);
        return true;
      });
      return isOrdered ? found : sorter.sort(found, limit);
    },

    all: (name, filter) => {
      const collection = collectionOf(name);
      if (!collection) return [];
      const matches = compileFilter(filter);
      const found: StoredDocument[] = [];
      walk(collection, filter, [], undefined, (document) => {
        if (matches(document)) found.push(document);
        return true;
      });
      return found;
    },

    page: (name, after, limit) => {
      const collection = collectionOf(name);
      return collection ? pageOf(collection, after, limit) : [];
    },
  };
}
