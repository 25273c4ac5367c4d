//! The image of a sandbox's container: one that the operator names, or an empty one made here, which only has the places that
//! the host's own system is put over. That needs no registry, and shows what bubblewrap shows.

use std::io;

use serde_json::Value;

use super::engine::{Engine, EngineError};
use crate::backend::ground::fnv;
use crate::backend::system::{Shown, System};

/// Name of images made here; the tag tells what is in them.
const REPOSITORY: &str = "slipway-host";

/// An image.
#[derive(Debug)]
pub(super) struct Image {
    name: String,
    tag: String,
    /// What it is made of, when it was made here.
    archive: Option<Vec<u8>>,
}

impl Image {
    /// One that the operator has put there.
    pub(super) async fn named(engine: &Engine, name: &str) -> Result<(Self, System), String> {
        let found = engine.image(name).await.map_err(|error| error.to_string())?;
        let found = found.ok_or_else(|| format!("the image {name} (docker pull {name})"))?;
        let volumes = found.pointer("/Config/Volumes").and_then(Value::as_object);
        if volumes.is_some_and(|volumes| !volumes.is_empty()) {
            // Each would be a place to write to without bounds.
            return Err(format!("an image without volumes ({name} declares some)"));
        }
        let env = found.pointer("/Config/Env").and_then(Value::as_array).into_iter().flatten();
        let path = env.filter_map(|one| one.as_str()?.strip_prefix("PATH=")).next_back().map(str::to_owned);
        Ok((Self { name: name.to_owned(), tag: String::new(), archive: None }, System::none(path)))
    }

    /// The one that shows the host's system.
    pub(super) fn of_host(system: &System) -> Self {
        // Writing to memory does not fail.
        let archive = archive(system).unwrap_or_default();
        let tag = format!("{:08x}", fnv(&archive));
        Self { name: format!("{REPOSITORY}:{tag}"), tag, archive: Some(archive) }
    }

    /// Its name with tag.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes it when it is not there and can be made.
    pub(super) async fn ensure(&self, engine: &Engine) -> Result<(), EngineError> {
        match &self.archive {
            Some(archive) if engine.image(&self.name).await?.is_none() => {
                engine.import(REPOSITORY, &self.tag, archive.clone()).await
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The links of the host's root, and `/var`. Folders and files that something is put over are made by the engine.
fn archive(system: &System) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    // The engine makes folders that are not named so that nobody may pass.
    header.set_mode(0o755);
    header.set_size(0);
    archive.append_data(&mut header, "var", io::empty())?;
    let links = system.shown().iter().filter_map(|shown| match shown {
        Shown::Link { target, at } => Some((at.as_path(), target.as_path())),
        Shown::Same(_) | Shown::MadeUp { .. } => None,
    });
    let temporary = (std::path::Path::new("/var/tmp"), std::path::Path::new("/tmp"));
    for (at, target) in links.chain([temporary]) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        let at = at.strip_prefix("/").unwrap_or(at);
        archive.append_link(&mut header, at, target)?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_the_host_holds_no_file_and_is_always_the_same() {
        let image = Image::of_host(&System::find());
        let archive = image.archive.clone().unwrap();
        let mut archive = tar::Archive::new(&archive[..]);
        let kinds: Vec<_> =
            archive.entries().unwrap().map(|entry| entry.unwrap().header().entry_type()).collect();
        let is_no_file = |kind: &tar::EntryType| kind.is_symlink() || kind.is_dir();
        assert!(kinds.len() >= 2 && kinds.iter().all(is_no_file), "{kinds:?}");
        assert_eq!(image.name(), Image::of_host(&System::find()).name());
    }
}
