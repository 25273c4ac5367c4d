// Browser tests: the built app on a running stack, in Debian's Chromium.
//
//   SLIPWAY_APP_URL=http://localhost:8787 npm run test:browser -w web
import { defineConfig } from '@playwright/test';

const app = process.env.SLIPWAY_APP_URL;
if (!app) throw new Error('Set SLIPWAY_APP_URL to the address of a running stack, such as http://localhost:8787.');

export default defineConfig({
  testDir: '.',
  outputDir: '../../build/browser-tests',
  // One worker: the stack has two cores with the browser, and its sign-in hashes on one of them.
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  forbidOnly: true,
  reporter: [['list']],
  use: {
    baseURL: app,
    viewport: { width: 1280, height: 800 },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
});
