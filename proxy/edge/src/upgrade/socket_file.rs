//! The socket's file. Who may write into its folder could put a socket of its own there and be
//! handed our listeners by the next upgrade, or hand us its own.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, process};

/// Writable by the group or by everybody.
const OTHERS_WRITE: u32 = 0o022;

/// Where the running gateway can be asked for its listening sockets.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode, while it is ours.
    ours: Mutex<Option<(u64, u64)>>,
}

impl SocketFile {
    /// The file at `path`, which need not be there yet.
    ///
    /// # Errors
    /// Others may write into its folder, or there is none.
    pub(super) fn at(path: &Path) -> Result<Self, String> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let shown = folder.display();
        let metadata = fs::metadata(folder).map_err(|error| {
            format!("upgrade_socket: the folder {shown} cannot be used: {error}")
        })?;
        let trusted = [0, rustix::process::geteuid().as_raw()];
        if metadata.mode() & OTHERS_WRITE != 0 || !trusted.contains(&metadata.uid()) {
            return Err(format!(
                "upgrade_socket: others may write into the folder {shown}; let it be the gateway's own, with mode 0755 or less"
            ));
        }
        Ok(Self {
            path: path.into(),
            ours: Mutex::default(),
        })
    }

    /// Listens where nobody else does: what a dead process left behind is replaced.
    ///
    /// # Errors
    /// Somebody listens there, it is no socket, or the system does not let us.
    pub(super) fn bind(&self) -> Result<UnixListener, String> {
        let shown = self.path.display();
        match UnixStream::connect(&self.path).map_err(|error| error.kind()) {
            Err(ErrorKind::NotFound) => {}
            Err(ErrorKind::ConnectionRefused) if self.is_socket() => {}
            Ok(_) => {
                return Err(format!(
                    "upgrade_socket: a gateway listens on {shown} already; `tokenbridge run --upgrade` takes over from it"
                ));
            }
            Err(_) => {
                return Err(format!(
                    "upgrade_socket: {shown} is no socket of ours; remove it"
                ));
            }
        }
        self.replace()
    }

    /// Listens there, whatever is there now.
    ///
    /// # Errors
    /// The system does not let us.
    pub(super) fn replace(&self) -> Result<UnixListener, String> {
        self.put().map_err(|error| {
            format!(
                "upgrade_socket: cannot listen on {}: {error}",
                self.path.display()
            )
        })
    }

    /// Made beside and renamed, so that there always is one, and only ever one of mode 0600.
    fn put(&self) -> io::Result<UnixListener> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(format!(".{}", process::id()));
        let _ = fs::remove_file(&beside);
        let listener = UnixListener::bind(&beside)?;
        listener.set_nonblocking(true)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600))?;
        let metadata = fs::metadata(&beside)?;
        fs::rename(&beside, &self.path)?;
        *self.lock() = Some((metadata.dev(), metadata.ino()));
        Ok(listener)
    }

    fn is_socket(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|file| file.file_type().is_socket())
    }

    /// From now on it is another process's.
    pub(super) fn leave(&self) {
        *self.lock() = None;
    }

    /// Removes it, if it is still ours.
    pub(crate) fn remove(&self) {
        let Some(ours) = self.lock().take() else {
            return;
        };
        let there = fs::symlink_metadata(&self.path);
        if there.is_ok_and(|there| (there.dev(), there.ino()) == ours) {
            // Who cannot remove it leaves what the next start replaces.
            let _ = fs::remove_file(&self.path);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(u64, u64)>> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_or_another_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upgrade.sock");
        drop(UnixListener::bind(&path).unwrap());
        let file = SocketFile::at(&path).unwrap();
        let listener = file.bind().unwrap();
        assert_eq!(mode(&path), 0o600);
        let other = SocketFile::at(&path).unwrap();
        let refused = other.bind().unwrap_err();
        assert!(refused.contains("--upgrade"), "{refused}");
        drop(listener);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "something else").unwrap();
        assert!(other.bind().unwrap_err().contains("no socket of ours"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "something else");
    }

    #[test]
    fn a_socket_is_removed_by_whose_it_is_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upgrade.sock");
        let (old, new) = (
            SocketFile::at(&path).unwrap(),
            SocketFile::at(&path).unwrap(),
        );
        let _first = old.bind().unwrap();
        let _second = new.replace().unwrap();
        old.remove();
        assert!(path.exists(), "it is the new one's by now");
        new.remove();
        assert!(!path.exists());
        let _third = old.bind().unwrap();
        old.leave();
        old.remove();
        assert!(path.exists(), "it was left to another");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_others_may_write_into_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("upgrade.sock");
        for (mode, is_fine) in [(0o755, true), (0o775, false), (0o1777, false)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(SocketFile::at(&path).is_ok(), is_fine, "{mode:o}");
        }
        let nowhere = folder.path().join("no/upgrade.sock");
        let refused = SocketFile::at(&nowhere).unwrap_err();
        assert!(refused.contains("cannot be used"), "{refused}");
    }
}
