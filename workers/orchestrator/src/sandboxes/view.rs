//! A sandbox as the API shows it.

use slipway_contract::http::sandboxes::{Sandbox, SandboxLive};
use slipway_contract::objects::executor::SandboxReport;
use slipway_domain::sandbox::{Rules, resources};
use slipway_store::sandboxes::StoredSandbox;

/// What people see of it: the row, its place in the queue, the seconds of its runs, and what the executor says now.
pub(crate) fn view(
    row: &StoredSandbox,
    place: Option<u64>,
    seconds: u64,
    report: Option<&SandboxReport>,
    rules: &Rules,
) -> Sandbox {
    let end = row.sandbox.end();
    let has = resources(row.size);
    Sandbox {
        id: row.id,
        chat: row.chat,
        state: row.sandbox.state(),
        place: place.and_then(|place| u32::try_from(place).ok()),
        epoch: row.sandbox.epoch,
        size: row.size,
        hosts: row.hosts.clone(),
        reason: end.map(|end| end.reason),
        detail: end.and_then(|end| end.detail.clone()),
        created_at: row.created_at,
        started_at: row.sandbox.run().map(|run| run.from),
        stops_at: row.sandbox.stops_at(rules),
        seconds,
        live: report.filter(|report| report.running).map(|report| SandboxLive {
            cpu_ms: report.cpu_ms,
            memory_bytes: report.memory_bytes,
            memory_limit_bytes: has.memory_bytes,
            disk_bytes: report.disk_bytes,
            disk_limit_bytes: has.disk_bytes,
            egress_bytes: report.egress_bytes,
            ports: report.ports.clone(),
            refused_hosts: report.refused_hosts.clone(),
        }),
    }
}
