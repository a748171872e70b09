export * from './port.js';
export { createCipher } from './cipher.js';
export { loadMasterKey } from './master-key.js';
export { openSqliteKeyVault, type SqliteKeyVaultOptions } from './sqlite/sqlite-key-vault.js';
export { openSqliteBlobVault, type SqliteBlobVaultOptions } from './sqlite/sqlite-blob-vault.js';
