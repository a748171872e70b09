export * from './port.js';
export { createCipher } from './cipher.js';
export { loadMasterKey } from './master-key.js';
export { openSqliteKeyVault } from './sqlite/sqlite-key-vault.js';
export { openSqliteBlobVault } from './sqlite/sqlite-blob-vault.js';
export { copyVaults, type VaultCopy } from './mongodb/copy-vaults.js';
export { openMongoVaults, type MongoVaults } from './mongodb/mongo-vaults.js';
