export { achievementPage } from './achievement-page.js';
export { FAVICON } from './layout.js';
export { STYLESHEET } from './stylesheet.js';
export { explainPage } from './explain-page.js';
export { funnelPage, type FunnelView } from './funnel-page.js';
export { messagePage } from './message-page.js';
export { trailPage, type TrailView } from './trail-page.js';
export { verificationPage } from './verification-page.js';
