use super::{disk::SegmentFile, *};
use proptest::prelude::*;
use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    sync::mpsc,
};

fn open(directory: &Path, disk: Arc<dyn Disk>, segment_max_bytes: u64) -> (Wal, Vec<(u64, Vec<u8>)>) {
    let mut entries = Vec::new();
    let wal = Wal::open(directory, disk, segment_max_bytes, 0, &mut |lsn, payload| {
        entries.push((lsn, payload.to_vec()));
    })
    .unwrap();
    (wal, entries)
}

fn append(wal: &Wal, payload: &[u8]) -> Result<u64, Failure> {
    let (sender, receiver) = mpsc::channel();
    let middle = payload.len() / 2;
    let parts = vec![Bytes::copy_from_slice(&payload[..middle]), Bytes::copy_from_slice(&payload[middle..])];
    wal.submit(parts, Box::new(move |result| sender.send(result).unwrap()))?;
    receiver.recv().unwrap()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    files.sort();
    files
}

#[test]
fn entries_survive_and_numbers_go_on() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3_u64 {
        let (wal, entries) = open(directory.path(), Arc::new(RealDisk), 64);
        assert_eq!(entries.len() as u64, round * 5);
        for n in 0..5 {
            assert_eq!(append(&wal, &[n; 30]).unwrap(), round * 5 + u64::from(n) + 1);
        }
    }
    assert!(files(directory.path()).len() > 3);
}

#[test]
fn replay_and_release_know_the_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let (wal, _) = open(directory.path(), Arc::new(RealDisk), 1);
    for n in 0..6 {
        append(&wal, &[n]).unwrap();
    }
    let replayed = |above| {
        let mut numbers = Vec::new();
        wal.replay(above, &mut |lsn, _| numbers.push(lsn)).unwrap();
        numbers
    };
    assert_eq!(replayed(0), [1, 2, 3, 4, 5, 6]);
    assert_eq!(replayed(4), [5, 6]);
    wal.release(3).unwrap();
    assert_eq!(replayed(0), [4, 5, 6]);
    assert_eq!(files(directory.path()).len(), 3);
}

#[test]
fn many_writers_are_served_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (wal, _) = open(directory.path(), Arc::new(RealDisk), 4096);
    std::thread::scope(|scope| {
        for writer in 0..8_u8 {
            let wal = &wal;
            scope.spawn(move || {
                for n in 0..50 {
                    append(wal, &[writer, n]).unwrap();
                }
            });
        }
    });
    drop(wal);
    let (_, entries) = open(directory.path(), Arc::new(RealDisk), 4096);
    assert_eq!(entries.iter().map(|(lsn, _)| *lsn).collect::<Vec<_>>(), (1..=400).collect::<Vec<_>>());
    for writer in 0..8 {
        let own: Vec<_> = entries.iter().filter(|(_, bytes)| bytes[0] == writer).map(|(_, b)| b[1]).collect();
        assert_eq!(own, (0..50).collect::<Vec<_>>());
    }
}

/// A disk that fails on command.
#[derive(Default, Clone)]
pub(crate) struct FaultyDisk {
    pub(crate) full: Arc<AtomicBool>,
    pub(crate) sync_fails: Arc<AtomicBool>,
    appended_bytes: Arc<AtomicU64>,
}

struct FaultyFile {
    file: Box<dyn SegmentFile>,
    full: Arc<AtomicBool>,
    sync_fails: Arc<AtomicBool>,
    appended_bytes: Arc<AtomicU64>,
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(FaultyFile {
            file: RealDisk.create(path)?,
            full: self.full.clone(),
            sync_fails: self.sync_fails.clone(),
            appended_bytes: self.appended_bytes.clone(),
        }))
    }
}

impl SegmentFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) {
            // Half of it gets through, as on a real disk.
            self.file.append(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.appended_bytes.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.sync_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("I/O error"));
        }
        self.file.sync()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        if self.full.load(Ordering::SeqCst) && self.sync_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("nothing works"));
        }
        self.file.truncate(length)
    }
}

#[test]
fn what_failed_is_not_there_and_writing_goes_on_when_the_disk_does() {
    let directory = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::default();
    let (full, sync_fails) = (disk.full.clone(), disk.sync_fails.clone());
    let (wal, _) = open(directory.path(), Arc::new(disk), 1 << 20);
    append(&wal, b"one").unwrap();
    full.store(true, Ordering::SeqCst);
    assert_eq!(append(&wal, b"lost").unwrap_err().kind, ErrorKind::Full);
    wal.settle();
    full.store(false, Ordering::SeqCst);
    append(&wal, b"two").unwrap();
    sync_fails.store(true, Ordering::SeqCst);
    assert_eq!(append(&wal, b"lost").unwrap_err().kind, ErrorKind::Internal);
    wal.settle();
    full.store(true, Ordering::SeqCst);
    assert!(append(&wal, b"lost").is_err());
    wal.settle();
    sync_fails.store(false, Ordering::SeqCst);
    full.store(false, Ordering::SeqCst);
    append(&wal, b"three").unwrap();
    drop(wal);
    let (_, entries) = open(directory.path(), Arc::new(RealDisk), 1 << 20);
    let texts: Vec<_> = entries.iter().map(|(_, payload)| payload.as_slice()).collect();
    assert_eq!(texts, [b"one".as_slice(), b"two", b"three"]);
}

/// Writes the entries, then damages the end of the last file with `damage`, and reads.
fn after_damage(entries: &[Vec<u8>], damage: impl Fn(&mut Vec<u8>)) -> Vec<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let (wal, _) = open(directory.path(), Arc::new(RealDisk), 1 << 20);
    for entry in entries {
        append(&wal, entry).unwrap();
    }
    drop(wal);
    let file = files(directory.path()).pop().unwrap();
    let mut content = fs::read(&file).unwrap();
    damage(&mut content);
    fs::write(&file, content).unwrap();
    let (wal, read) = open(directory.path(), Arc::new(RealDisk), 1 << 20);
    // Whatever was cut, new entries are readable afterwards.
    append(&wal, b"new").unwrap();
    drop(wal);
    let (_, again) = open(directory.path(), Arc::new(RealDisk), 1 << 20);
    assert_eq!(again.last().unwrap().1, b"new");
    assert_eq!(again.len(), read.len() + 1);
    read.into_iter().map(|(_, payload)| payload).collect()
}

#[test]
fn a_tail_cut_at_any_byte_leaves_a_prefix() {
    let entries = vec![b"first".to_vec(), vec![], b"the second".to_vec()];
    let whole = 8 + 3 * frame::HEADER_BYTES + 15;
    for length in 0..=whole {
        let read = after_damage(&entries, |content| content.truncate(length));
        assert_eq!(read, entries[..read.len()], "{length}");
        assert_eq!(read.len() == 3, length == whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn flipped_bits_and_garbage_leave_a_prefix(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        garbage in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let flipped = after_damage(&entries, |content| {
            let at = at.index(content.len());
            content[at] ^= 1 << bit;
        });
        prop_assert_eq!(&flipped[..], &entries[..flipped.len()]);
        prop_assert!(flipped.len() < entries.len());
        let grown = after_damage(&entries, |content| content.extend_from_slice(&garbage));
        prop_assert_eq!(&grown[..], &entries[..]);
    }
}
