//! The executor's process: settings, start, end.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use axum::serve::ListenerExt;
use clap::Parser;
use slipway_domain::preview::bucket::Rate;
use slipway_domain::preview::{RelayKey, bytes};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::{Api, router};
use crate::backend::choice::{Backends, Choice};
use crate::backend::ground::Ground;
use crate::fleet::{self, Fleet, ToRelay};
use crate::log;
use crate::relay::Relay;

/// Runs sandboxes on this host. EXECUTOR_KEY in the environment is the key that callers show, RELAY_KEY the one that the
/// gateway signs its passes with: 32 bytes in base64url.
#[derive(Debug, Parser)]
#[command(name = "slipway-executor", version)]
struct Settings {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Where sandboxes and their files are kept.
    #[arg(long)]
    data_dir: PathBuf,
    /// Sandboxes that may run at once.
    #[arg(long, default_value_t = 50)]
    places: u32,
    /// Bytes a second that the previews of one sandbox carry, both ways together.
    #[arg(long, default_value_t = bytes::RATE.per_minute / 60, value_parser = clap::value_parser!(u32).range(1..=i64::from(u32::MAX / 60)))]
    preview_bytes_per_s: u32,
    /// Bytes that they carry at once after a quiet time.
    #[arg(long, default_value_t = bytes::RATE.burst, value_parser = clap::value_parser!(u32).range(1..))]
    preview_burst_bytes: u32,
    /// What sandboxes are made with.
    #[arg(long, env = "EXECUTOR_BACKEND", value_enum, default_value_t)]
    backend: Choice,
    /// The image that sandboxes made with Docker see instead of this host's system; it must be there already.
    #[arg(long, env = "EXECUTOR_DOCKER_IMAGE")]
    docker_image: Option<String>,
}

/// Shortest key of callers, in bytes: 128 random bits in base64url.
const KEY_BYTES: usize = 22;

/// Runs until SIGTERM or SIGINT.
pub fn main() -> ExitCode {
    let settings = Settings::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(serve(settings))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::trouble("start", &error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Settings) -> std::io::Result<()> {
    // Arguments of a process are for everybody to see; hence not as options.
    let key = std::env::var("EXECUTOR_KEY").unwrap_or_default();
    if key.len() < KEY_BYTES {
        return Err(std::io::Error::other(format!("EXECUTOR_KEY needs {KEY_BYTES} bytes or more")));
    }
    let relay_key = std::env::var("RELAY_KEY").ok().and_then(|key| RelayKey::parse(&key));
    let relay_key =
        relay_key.ok_or_else(|| std::io::Error::other("RELAY_KEY must be 32 bytes in base64url"))?;
    // Before anything is made: a second executor of the same address must not touch the first one's sandboxes.
    let listener = TcpListener::bind(settings.listen).await?;
    let data = fleet::prepare(&settings.data_dir)?;
    let _alone = alone(&data)?;
    let ground = Ground::prepare(&data).await.map_err(std::io::Error::other)?;
    let image = settings.docker_image.as_deref().filter(|image| !image.is_empty());
    let backend = Backends::probe(ground, settings.backend, image).await.map_err(std::io::Error::other)?;
    let fleet = Fleet::open(data, Box::new(backend), settings.places).await?;
    let bytes = Rate { per_minute: settings.preview_bytes_per_s * 60, burst: settings.preview_burst_bytes };
    let relay = Arc::new(Relay::new(relay_key, ToRelay(Arc::clone(&fleet)), fleet::now, bytes));
    let app = router(Api { fleet: Arc::clone(&fleet), relay, key: key.into() });

    let ready = serde_json::json!({ "ready": true, "address": listener.local_addr()?.to_string() });
    // A frame that waits for the next one to fill a packet is 40 ms late.
    let listener = listener.tap_io(|stream| {
        // Slower where it cannot be set, but not wrong.
        let _ = stream.set_nodelay(true);
    });
    writeln!(std::io::stdout(), "{ready}")?;
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        served = axum::serve(listener, app) => served?,
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    fleet.stop_all().await;
    Ok(())
}

/// Makes sure that no other executor works in the same folder. The lock goes with the process.
fn alone(data: &std::path::Path) -> std::io::Result<std::fs::File> {
    let lock = std::fs::File::create(data.join("lock"))?;
    lock.try_lock()
        .map_err(|error| std::io::Error::other(format!("another executor works in this folder: {error}")))?;
    Ok(lock)
}
