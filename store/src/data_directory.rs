//! The directory in which one process keeps all that is embedded: exclusive, private, versioned, with the secrets
//! that are made at first start.

use crate::{ErrorKind, StoreError, files};
use parking_lot::Mutex;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The form of the directory that this program writes. It changes when a former program could not read it.
const VERSION: u32 = 2;
/// The oldest format that can be read.
const OLDEST: u32 = 2;
const VERSION_FILE: &str = "VERSION";
const LOCK_FILE: &str = "vigie.lock";
const SECRETS: &str = "secrets";
/// Longest secret, in bytes.
const SECRET_MAX_BYTES: usize = 1_024;

/// A data directory that this process holds until the value is dropped (or the process ends, however it does).
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// Holds the lock of the operating system.
    _lock: File,
    /// Two calls for a secret must not both make it.
    secrets: Mutex<()>,
}

impl DataDirectory {
    /// Opens the directory, which is made (for its owner only, 0700) if it is missing, and takes its lock. Blocks: for
    /// the start of the service.
    ///
    /// # Errors
    /// `Conflict` while another process holds it; `InvalidRequest` if a newer program wrote it; `Corrupt` if its
    /// version cannot be read; `Full` or `Internal` if it cannot be made or written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |error| file_error(format!("cannot open the data directory {path:?}"), error);
        files::create_private_directory(path).map_err(failed)?;
        warn_if_open_to_others(path);
        let lock = lock(path)?;
        check_version(path)?;
        Ok(Self { path: path.to_path_buf(), _lock: lock, secrets: Mutex::new(()) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where a file of that name is, or will be.
    pub fn file(&self, name: &'static str) -> PathBuf {
        self.path.join(name)
    }

    /// A directory of that name, made (0700) if it is missing.
    pub fn directory(&self, name: &'static str) -> Result<PathBuf, StoreError> {
        let path = self.path.join(name);
        let failed = |error| file_error(format!("cannot create the directory {path:?}"), error);
        files::create_private_directory(&path).map_err(failed)?;
        Ok(path)
    }

    /// A secret of `len` random bytes: made at first use, the same ever after. Kept as hexadecimal text in
    /// `secrets/<name>` (0600); wiped from memory when dropped. Blocks: for the start of the service.
    ///
    /// # Errors
    /// `Corrupt` if the file does not hold a secret of that length; it is never replaced, as what was encrypted or
    /// signed with it would be lost. `Full` or `Internal` if it cannot be read or written.
    pub fn secret(&self, name: &'static str, len: usize) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        if len == 0 || len > SECRET_MAX_BYTES {
            return Err(StoreError::invalid(format!(
                "the secret {name:?} must have 1 to {SECRET_MAX_BYTES} bytes, not {len}"
            )));
        }
        let _one_at_a_time = self.secrets.lock();
        let path = self.directory(SECRETS)?.join(name);
        match read_bounded(&path) {
            Ok(text) => parse_secret(&path, &text, len),
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_secret(&path, len),
            Err(error) => Err(file_error(format!("cannot read the secret {path:?}"), error)),
        }
    }
}

/// Takes the lock and leaves the number of this process in the file, for the message that others get.
fn lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK_FILE);
    let failed = |error| file_error(format!("cannot lock the data directory {directory:?}"), error);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held_by_another(directory, &file)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
    Ok(file)
}

fn held_by_another(directory: &Path, lock: &File) -> StoreError {
    let mut holder = String::new();
    let read = lock.take(16).read_to_string(&mut holder);
    let holder = match holder.trim().parse::<u32>() {
        Ok(process) if read.is_ok() => format!("process {process}"),
        _ => "another process".to_owned(),
    };
    StoreError::new(
        ErrorKind::Conflict,
        format!("the data directory {directory:?} is in use by {holder}: stop it, or use another directory"),
    )
}

/// Writes the version into a new directory, refuses one that is newer than this program.
fn check_version(directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(VERSION_FILE);
    let text = match read_bounded(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return files::write_durably(&path, format!("{VERSION}\n").as_bytes())
                .map_err(|error| file_error(format!("cannot write {path:?}"), error));
        }
        Err(error) => return Err(file_error(format!("cannot read {path:?}"), error)),
    };
    match text.trim().parse::<u32>() {
        Ok(version) if (OLDEST..=VERSION).contains(&version) => Ok(()),
        Ok(version) if version < OLDEST => Err(StoreError::invalid(format!(
            "the data directory {directory:?} has format {version}, from before the first release, which this program \
             cannot read: begin in another directory and send the logs again"
        ))),
        Ok(version) => Err(StoreError::invalid(format!(
            "the data directory {directory:?} has format {version}, this program knows up to {VERSION}: start \
             the newer program that wrote it, or restore a backup"
        ))),
        Err(error) => Err(StoreError::new(
            ErrorKind::Corrupt,
            format!("cannot read the format of the data directory from {path:?}: restore it from a backup"),
        )
        .because(error)),
    }
}

fn make_secret(path: &Path, len: usize) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let mut secret = Zeroizing::new(vec![0; len]);
    rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut secret)
        .map_err(|error| StoreError::internal("the system gives no random numbers", error))?;
    let text = Zeroizing::new(hex::encode(&*secret));
    files::write_durably(path, text.as_bytes())
        .map_err(|error| file_error(format!("cannot write the secret {path:?}"), error))?;
    Ok(secret)
}

fn parse_secret(path: &Path, text: &str, len: usize) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    // The cause is left out: it would quote a character of the secret.
    match hex::decode(text.trim()).map(Zeroizing::new) {
        Ok(secret) if secret.len() == len => Ok(secret),
        _ => Err(StoreError::new(
            ErrorKind::Corrupt,
            format!("the secret {path:?} must be {len} bytes as hexadecimal text: restore it from a backup"),
        )),
    }
}

/// A small text file; more than the largest secret is cut off, and so refused by who reads it.
fn read_bounded(path: &Path) -> io::Result<Zeroizing<String>> {
    // The room is made beforehand: growing would leave copies of a secret in memory.
    let mut text = Zeroizing::new(String::with_capacity(4 * SECRET_MAX_BYTES));
    File::open(path)?.take(2 * SECRET_MAX_BYTES as u64 + 2).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(unix)]
fn warn_if_open_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().map(|metadata| metadata.permissions().mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o077 != 0
    {
        tracing::warn!(
            path = %path.display(), mode = %format!("{mode:o}"),
            "the data directory is open to other users; `chmod 700` closes it"
        );
    }
}

#[cfg(not(unix))]
fn warn_if_open_to_others(_path: &Path) {}

fn file_error(doing: String, error: io::Error) -> StoreError {
    match files::is_full(&error) {
        true => StoreError::new(ErrorKind::Full, format!("{doing}: no space left on the device")),
        false => StoreError::new(ErrorKind::Internal, format!("{doing}: {error}")),
    }
    .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path) -> StoreError {
        DataDirectory::open(path).unwrap_err()
    }

    #[test]
    fn one_holder_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/data");
        let held = DataDirectory::open(&path).unwrap();
        let refused = refusal(&path);
        assert_eq!(refused.kind, ErrorKind::Conflict);
        assert!(refused.message.contains(&format!("{path:?}")), "{}", refused.message);
        assert!(refused.message.contains(&format!("process {}", std::process::id())), "{}", refused.message);
        drop(held);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn versions() {
        let check = |text: &str, expected: Option<ErrorKind>| {
            let home = tempfile::tempdir().unwrap();
            std::fs::write(home.path().join(VERSION_FILE), text).unwrap();
            assert_eq!(DataDirectory::open(home.path()).err().map(|error| error.kind), expected, "{text:?}");
        };
        check("1\n", Some(ErrorKind::InvalidRequest));
        check("2\n", None);
        check("3\n", Some(ErrorKind::InvalidRequest));
        check("", Some(ErrorKind::Corrupt));
        check("one", Some(ErrorKind::Corrupt));
        let home = tempfile::tempdir().unwrap();
        DataDirectory::open(home.path()).unwrap();
        assert_eq!(std::fs::read_to_string(home.path().join(VERSION_FILE)).unwrap(), "2\n");
    }

    #[test]
    fn secrets_are_made_once() {
        let home = tempfile::tempdir().unwrap();
        let data = DataDirectory::open(home.path()).unwrap();
        let secret = data.secret("jwt", 32).unwrap();
        assert_eq!(secret.len(), 32);
        assert_ne!(*secret, vec![0; 32]);
        assert_ne!(*secret, *data.secret("blobs", 32).unwrap());
        drop(data);
        let data = DataDirectory::open(home.path()).unwrap();
        assert_eq!(*secret, *data.secret("jwt", 32).unwrap());
        assert_eq!(data.secret("jwt", 64).unwrap_err().kind, ErrorKind::Corrupt);
        assert_eq!(data.secret("jwt", 0).unwrap_err().kind, ErrorKind::InvalidRequest);
        let file = home.path().join(SECRETS).join("jwt");
        std::fs::write(&file, "").unwrap();
        assert_eq!(data.secret("jwt", 32).unwrap_err().kind, ErrorKind::Corrupt);
        assert_eq!(std::fs::read(&file).unwrap(), b"", "never replaced");
    }

    #[cfg(unix)]
    #[test]
    fn everything_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data");
        let data = DataDirectory::open(&path).unwrap();
        data.secret("jwt", 32).unwrap();
        let check = |path: PathBuf, expected: u32| {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, expected, "{path:?}");
        };
        check(data.directory("logs").unwrap(), 0o700);
        check(data.file(SECRETS), 0o700);
        check(data.file(SECRETS).join("jwt"), 0o600);
        check(data.file(LOCK_FILE), 0o600);
        check(data.file(VERSION_FILE), 0o600);
        check(path, 0o700);
    }
}
