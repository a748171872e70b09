export * from './port.js';
export { createSmtpDelivery, SMTP_TLS, type SmtpOptions } from './smtp.js';
