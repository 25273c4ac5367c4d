//! What sizes of sandboxes are, and what they cost.
//!
//! Prices are those of Cloudflare Containers (developers.cloudflare.com/containers/pricing): 0.000020 USD for a vCPU-second,
//! 0.0000025 USD for a GiB-second of memory, 0.00000007 USD for a GB-second of disk, 0.025 USD for a GB sent out of North
//! America or Europe. They are what a second costs wherever it ran, so that one figure can be compared with another.

use slipway_contract::sandbox::SandboxSize;

const GIB: u64 = 1 << 30;
const GB: u64 = 1_000_000_000;

/// Billionths of a US dollar for a second of one vCPU.
const NANO_USD_PER_CPU: u64 = 20_000;
/// Billionths of a US dollar for a second of one GiB of memory.
const NANO_USD_PER_MEMORY_GIB: u64 = 2_500;
/// Billionths of a US dollar for a second of one GB (10⁹ bytes) of disk.
const NANO_USD_PER_DISK_GB: u64 = 70;
/// Millionths of a US dollar for one GB (10⁹ bytes) sent out.
const MICRO_USD_PER_EGRESS_GB: u64 = 25_000;

/// What a sandbox of a size may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// CPUs.
    pub cpus: u32,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Disk, in bytes.
    pub disk_bytes: u64,
}

/// What a sandbox of `size` may use.
pub const fn resources(size: SandboxSize) -> Resources {
    match size {
        SandboxSize::Small => Resources { cpus: 1, memory_bytes: GIB, disk_bytes: 2 * GIB },
        SandboxSize::Medium => Resources { cpus: 2, memory_bytes: 4 * GIB, disk_bytes: 8 * GIB },
        SandboxSize::Large => Resources { cpus: 4, memory_bytes: 8 * GIB, disk_bytes: 16 * GIB },
    }
}

/// What a second of `size` costs, in billionths of a US dollar.
pub fn nano_usd_per_second(size: SandboxSize) -> u64 {
    let Resources { cpus, memory_bytes, disk_bytes } = resources(size);
    u64::from(cpus) * NANO_USD_PER_CPU
        + memory_bytes / GIB * NANO_USD_PER_MEMORY_GIB
        + disk_bytes * NANO_USD_PER_DISK_GB / GB
}

/// What `ms` milliseconds of `size` cost, in millionths of a US dollar, rounded to the nearest.
pub fn micro_usd(size: SandboxSize, ms: u64) -> u64 {
    // Billionths for a second are millionths of millionths for a millisecond.
    let exact = u128::from(nano_usd_per_second(size)) * u128::from(ms);
    u64::try_from((exact + 500_000) / 1_000_000).unwrap_or(u64::MAX)
}

/// What an hour of `size` costs, in millionths of a US dollar.
pub fn micro_usd_per_hour(size: SandboxSize) -> u64 {
    micro_usd(size, 3_600_000)
}

/// What sending `bytes` outside costs, in millionths of a US dollar, rounded to the nearest.
pub fn egress_micro_usd(bytes: u64) -> u64 {
    let exact = u128::from(bytes) * u128::from(MICRO_USD_PER_EGRESS_GB);
    u64::try_from((exact + u128::from(GB) / 2) / u128::from(GB)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_costs_what_the_price_list_says() {
        // 20,000 + 2,500 + 150 (2 GiB are 2.147 GB) billionths a second, and so on.
        let prices = [SandboxSize::Small, SandboxSize::Medium, SandboxSize::Large]
            .map(|size| (nano_usd_per_second(size), micro_usd_per_hour(size)));
        assert_eq!(prices, [(22_650, 81_540), (50_601, 182_164), (101_202, 364_327)]);
    }

    #[test]
    fn a_cost_is_rounded_once_and_never_overflows() {
        assert_eq!(micro_usd(SandboxSize::Small, 0), 0);
        assert_eq!(micro_usd(SandboxSize::Small, 1_000), 23);
        assert_eq!(micro_usd(SandboxSize::Small, 100_000), 2_265);
        assert_eq!(micro_usd(SandboxSize::Large, u64::MAX), 1_866_847_393_747_554_043);
        assert_eq!(
            (egress_micro_usd(GB), egress_micro_usd(19_999), egress_micro_usd(20_000)),
            (25_000, 0, 1)
        );
    }
}
