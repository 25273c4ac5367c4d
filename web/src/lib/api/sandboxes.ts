// The REST operations about sandboxes, approvals, artifacts and usage. Apart from the others, because no first screen needs them.
import type { ApprovalOption, ApprovalState } from './events';
import { answer, client, patiently } from './http';
import type { ApprovalPolicy, QuotaLimit, RequestSandbox, UsageBy } from './resources';
import { type PageQuery, within } from './rest';

export const approvals = {
  list: (org: string, query: PageQuery & { state?: ApprovalState } = {}) =>
    answer(client.GET('/v1/orgs/{org}/approvals', { params: { path: { org }, query, header: within(org) } })),
  decide: (
    org: string,
    approval: string,
    body: { decision: 'approve' | 'deny'; option?: ApprovalOption; reason?: string },
  ) =>
    answer(
      client.POST('/v1/approvals/{approval}/decision', { params: { path: { approval }, header: within(org) }, body }),
    ),
  policy: (org: string) =>
    answer(client.GET('/v1/orgs/{org}/approval-policy', { params: { path: { org }, header: within(org) } })),
  setPolicy: (org: string, body: ApprovalPolicy) =>
    answer(client.PUT('/v1/orgs/{org}/approval-policy', { params: { path: { org }, header: within(org) }, body })),
};

export const sandboxes = {
  request: (org: string, chat: string, body: RequestSandbox) =>
    answer(client.POST('/v1/chats/{chat}/sandboxes', { params: { path: { chat }, header: within(org) }, body })),
  get: (org: string, sandbox: string) =>
    answer(client.GET('/v1/sandboxes/{sandbox}', { params: { path: { sandbox }, header: within(org) } })),
  stop: (org: string, sandbox: string) =>
    answer(client.POST('/v1/sandboxes/{sandbox}/stop', { params: { path: { sandbox }, header: within(org) } })),
  /** Removes it with its files and snapshots. */
  remove: (org: string, sandbox: string) =>
    answer(client.DELETE('/v1/sandboxes/{sandbox}', { params: { path: { sandbox }, header: within(org) }, fetch: patiently })),
  revokePreviews: (org: string, sandbox: string) =>
    answer(client.POST('/v1/sandboxes/{sandbox}/revoke-previews', { params: { path: { sandbox }, header: within(org) } })),
  previewToken: (org: string, sandbox: string, port: number) =>
    answer(
      client.POST('/v1/sandboxes/{sandbox}/preview-tokens', {
        params: { path: { sandbox }, header: within(org) },
        body: { port },
      }),
    ),
  terminalTicket: (org: string, sandbox: string) =>
    answer(client.POST('/v1/sandboxes/{sandbox}/terminal-ticket', { params: { path: { sandbox }, header: within(org) } })),
  folder: (org: string, sandbox: string, path: string) =>
    answer(
      client.GET('/v1/sandboxes/{sandbox}/files', { params: { path: { sandbox }, query: { path }, header: within(org) } }),
    ),
  file: (org: string, sandbox: string, path: string) =>
    answer(
      client.GET('/v1/sandboxes/{sandbox}/files', {
        params: { path: { sandbox }, query: { path }, header: within(org) },
        parseAs: 'blob',
        fetch: patiently,
      }),
    ),
  removeFile: (org: string, sandbox: string, path: string) =>
    answer(
      client.DELETE('/v1/sandboxes/{sandbox}/files', {
        params: { path: { sandbox }, query: { path }, header: within(org) },
      }),
    ),
  keep: (org: string, sandbox: string, path: string) =>
    answer(
      client.POST('/v1/sandboxes/{sandbox}/artifacts', { params: { path: { sandbox }, header: within(org) }, body: { path } }),
    ),
};

/** Archives of a whole workspace are made and read: that takes as long as files take. */
export const snapshots = {
  list: (org: string, sandbox: string) =>
    answer(client.GET('/v1/sandboxes/{sandbox}/snapshots', { params: { path: { sandbox }, header: within(org) } })),
  take: (org: string, sandbox: string) =>
    answer(
      client.POST('/v1/sandboxes/{sandbox}/snapshots', { params: { path: { sandbox }, header: within(org) }, fetch: patiently }),
    ),
  restore: (org: string, sandbox: string, snapshot: string) =>
    answer(
      client.POST('/v1/sandboxes/{sandbox}/restore', {
        params: { path: { sandbox }, header: within(org) },
        body: { snapshot },
        fetch: patiently,
      }),
    ),
  remove: (org: string, sandbox: string, snapshot: string) =>
    answer(
      client.DELETE('/v1/sandboxes/{sandbox}/snapshots/{snapshot}', {
        params: { path: { sandbox, snapshot }, header: within(org) },
      }),
    ),
};

export const artifacts = {
  list: (org: string, query: PageQuery & { chat?: string } = {}) =>
    answer(client.GET('/v1/orgs/{org}/artifacts', { params: { path: { org }, query, header: within(org) } })),
  content: (org: string, artifact: string) =>
    answer(
      client.GET('/v1/artifacts/{artifact}/content', {
        params: { path: { artifact }, header: within(org) },
        parseAs: 'blob',
        fetch: patiently,
      }),
    ),
};

export const usage = {
  report: (org: string, query: { from?: string; to?: string; by?: UsageBy } = {}) =>
    answer(client.GET('/v1/orgs/{org}/usage', { params: { path: { org }, query, header: within(org) } })),
  quotas: (org: string) =>
    answer(client.GET('/v1/orgs/{org}/quotas', { params: { path: { org }, header: within(org) } })),
  limits: (org: string) =>
    answer(client.GET('/v1/orgs/{org}/quotas/limits', { params: { path: { org }, header: within(org) } })),
  /** All three at once; an empty one takes back what was set. */
  setLimit: (org: string, holder: string, body: QuotaLimit) =>
    answer(client.PUT('/v1/orgs/{org}/quotas/limits/{holder}', { params: { path: { org, holder }, header: within(org) }, body })),
};
