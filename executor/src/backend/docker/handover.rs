//! How init comes by the socket that it listens on, and how it hangs on the executor.
//!
//! Docker hands nothing over, so init fetches it: it connects to a socket in a folder that the container sees, and gets the
//! listening one over that connection, before anything else runs inside. Then the name is gone: as with bubblewrap, no
//! process inside finds a way to init. The connection stays open. When the executor ends, however, init sees that.

use std::fs;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::net::{UnixListener, UnixStream};

use crate::backend::Place;
use crate::backend::ground::Ground;
use crate::inside::{EGRESS_SOCKET, HANDOVER_SOCKET, PROGRAM};

/// Waits for init.
pub(super) struct Handover {
    folder: PathBuf,
    socket: PathBuf,
    listener: UnixListener,
}

impl Handover {
    /// Makes the folder that the container sees, and listens in it.
    pub(super) fn prepare(ground: &Ground, place: &Place) -> io::Result<Self> {
        let folder = place.sockets.join("in");
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
        // What the container puts these over must be there.
        for path in [PROGRAM, EGRESS_SOCKET] {
            fs::File::create(folder.join(name(path)))?;
        }
        let socket = folder.join(name(HANDOVER_SOCKET));
        let listener = UnixListener::from_std({
            let listener = crate::backend::leader::listen(&socket)?;
            listener.set_nonblocking(true)?;
            listener
        })?;
        ground.give(&socket, place.slot)?;
        Ok(Self { folder, socket, listener })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives `control` to the first who comes. What is returned is init's hold on the executor.
    pub(super) async fn hand_over(self, control: &impl AsFd) -> io::Result<UnixStream> {
        let (init, _) = self.listener.accept().await?;
        fs::remove_file(&self.socket)?;
        drop(self.listener);
        init.writable().await?;
        let descriptors = [control.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut handed = SendAncillaryBuffer::new(&mut space);
        if !handed.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::Error::other("no room for a descriptor"));
        }
        sendmsg(&init, &[IoSlice::new(&[0])], &mut handed, SendFlags::empty())?;
        Ok(init)
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
